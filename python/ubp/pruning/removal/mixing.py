# SPDX-License-Identifier: Apache-2.0
"""Operations after which a missing channel is not the same as one that is zero.

A permutation of channels passes through all that `channels/rules.py` has rules for. A removal does
not pass where channels are compared with each other, as by a softmax over them: there every other
channel would change. Nor where one operation, called several times, would need several sizes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from ubp.pruning.channels.flow import ChannelFlow, pin
from ubp.pruning.layers.calls import Call
from ubp.pruning.layers.walking import has_graph

_NORMALISING = (keras.activations.softmax, keras.activations.log_softmax)


def calls_of(flow: ChannelFlow) -> Iterator[Call]:
    """The calls of all operations of a model, those of models in it in place of these."""
    for trace in flow.traces.values():
        yield from (call for call in trace.calls if not has_graph(call.operation))


def is_reshape(operation: keras.Operation) -> bool:
    """Whether its configuration says how many channels it makes."""
    of_keras = type(operation).__module__.startswith("keras.")
    return isinstance(operation, keras.layers.Reshape) or (
        of_keras and type(operation).__name__ == "Reshape"
    )


def pin_mixing(flow: ChannelFlow) -> None:
    """Pin the channels that cannot be fewer, with the reason."""
    calls = list(calls_of(flow))
    times = Counter(id(call.operation) for call in calls)
    for call in calls:
        reason = _reason(call, times[id(call.operation)])
        if reason is None:
            continue
        words = f"'{call.operation.name}' ({type(call.operation).__name__})"
        for tensor in call.outputs:
            pin(flow.channels[id(tensor)], f"{words}: {reason}")


def _reason(call: Call, times: int) -> str | None:
    """Why the channels that leave a call have to be as many as they are; None if they need not."""
    operation: Any = call.operation
    rank = len(call.tensors[0].shape) if call.tensors else 0
    if isinstance(operation, keras.layers.LayerNormalization):
        return "it normalises all channels together"
    if any(getattr(operation, "activation", None) is each for each in _NORMALISING):
        return "its softmax compares all channels"
    if type(operation).__name__ in ("Softmax", "LogSoftmax"):
        axes = np.atleast_1d(-1 if operation.axis is None else operation.axis) % rank
        return "it compares all channels" if rank - 1 in axes else None
    if is_reshape(operation) and times > 1:
        return f"it is called {times} times, and would have to make several sizes"
    noise_shape = getattr(operation, "noise_shape", None)
    if noise_shape is not None and noise_shape[-1] not in (None, 1):
        return f"its noise_shape is {tuple(noise_shape)}, for that many channels"
    return None
