# SPDX-License-Identifier: Apache-2.0
"""Follows channels through a whole model, nested models included, by the rules of `rules.py`.

What no rule covers is not guessed: the channels that enter such an operation, and those that leave
it, are pinned, with the reason. So are the channels of the model's inputs and outputs.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras

from ubp.pruning.channels.flow import ChannelFlow, Channels, NotFollowedError, Segment, pin, unite
from ubp.pruning.channels.rules import rule_for
from ubp.pruning.layers.calls import Call, Trace, check_nested_call, trace
from ubp.pruning.layers.walking import has_graph


def follow_channels(model: keras.Model, caller: str) -> ChannelFlow:
    """The channels of a model that passes `check_graph`; the model stays as it is.

    Args:
        model: as said.
        caller: the public function, for messages.

    Raises:
        ValueError: if a layer is called in training mode, or a nested model in another form than
            it was made for.
    """
    flow = ChannelFlow(caller)
    calls = _trace_once(model, flow)
    inputs = [_pinned(tensor, f"the model's input '{tensor.name}'") for tensor in calls.inputs]
    outputs = _follow(calls, inputs, flow)
    names = {id(tensor): call.operation.name for call in calls.calls for tensor in call.outputs}
    for tensor, channels in zip(calls.outputs, outputs, strict=True):
        pin(channels, f"the model's output '{names.get(id(tensor), tensor.name)}'")
    return flow


def _follow(calls: Trace, inputs: Sequence[Channels], flow: ChannelFlow) -> list[Channels]:
    """The channels of a model's outputs, given those of its inputs."""
    for tensor, channels in zip(calls.inputs, inputs, strict=True):
        flow.channels[id(tensor)] = channels
    for call in calls.calls:
        for tensor, channels in zip(call.outputs, _outputs(call, flow), strict=True):
            flow.channels[id(tensor)] = channels
    return [flow.channels[id(tensor)] for tensor in calls.outputs]


def _outputs(call: Call, flow: ChannelFlow) -> list[Channels]:
    operation = call.operation
    if call.kwargs.get("training"):
        raise ValueError(
            f"{flow.caller}: layer '{operation.name}' is called with training=True, so that the "
            "model cannot be compared with its copy; expected a model for inference."
        )
    if has_graph(operation):
        return _enter(call, flow)
    try:
        if id(operation) in flow.refused:
            raise NotFollowedError(flow.refused[id(operation)])
        return [rule_for(operation)(call, flow)]
    except NotFollowedError as error:
        return _refuse(call, str(error), flow)


def _enter(call: Call, flow: ChannelFlow) -> list[Channels]:
    """Follow a nested model; where it is called again, both calls' inputs have to agree."""
    model = call.operation
    seen = id(model) in flow.traces
    check_nested_call(call, flow.caller)
    calls = _trace_once(model, flow)
    given = [flow.channels[id(tensor)] for tensor in call.tensors]
    if not seen:
        return _follow(calls, given, flow)
    for tensor, channels in zip(calls.inputs, given, strict=True):
        unite(flow.channels[id(tensor)], channels, _words(call))
    return [flow.channels[id(tensor)] for tensor in calls.outputs]


def _refuse(call: Call, why: str, flow: ChannelFlow) -> list[Channels]:
    """Pin all that enters and leaves a call that is not followed."""
    operation = call.operation
    reason = f"{_words(call)}: {why}"
    for channels in flow.layers.get(id(operation), ()):  # where it is called otherwise
        pin(channels, reason)
    for tensor in call.tensors:
        pin(flow.channels[id(tensor)], reason)
    outputs = [_pinned(tensor, reason) for tensor in call.outputs]
    prunable = isinstance(operation, keras.layers.Conv2D | keras.layers.Dense)
    if prunable and id(operation) not in flow.refused:  # to be reported, if it is pruned
        outputs[0][0].producers.append(operation)
        flow.segments.append(outputs[0][0])
    flow.refused[id(operation)] = why
    return outputs


def _trace_once(model: keras.Model, flow: ChannelFlow) -> Trace:
    if id(model) not in flow.traces:
        flow.traces[id(model)] = trace(model)
    return flow.traces[id(model)]


def _pinned(tensor: keras.KerasTensor, reason: str) -> Channels:
    """Channels of their own for a tensor; their number may be unknown, then it is 0."""
    size = tensor.shape[-1] if tensor.shape else None
    return (Segment(size or 0, pins=[reason]),)


def _words(call: Call) -> str:
    return f"'{call.operation.name}' ({type(call.operation).__name__})"
