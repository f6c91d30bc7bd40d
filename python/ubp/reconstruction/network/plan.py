# SPDX-License-Identifier: Apache-2.0
"""What is done to which layer, and in which order: found by one run on a few samples.

    PRUNE       blocks chosen, the kept weights re-fitted
    REFIT       a convolution or Dense layer that stays dense, re-fitted to its new inputs
    DEPTHWISE   a depthwise convolution, re-fitted in the same way
    STATISTICS  mean and variance of a batch normalisation, measured anew

Only layers are touched whose inputs change, besides those that are pruned.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import numpy as np

from ubp.pruning.layers.walking import has_graph, is_container, leaves
from ubp.reconstruction.network.activations import Array, Site
from ubp.reconstruction.network.graph import DENSE, Graph, Pair, Step
from ubp.reconstruction.network.interception import Intercepted, calls_in
from ubp.reconstruction.network.lanes import LaneLayer, why_not_rebuilt

PRUNE, REFIT, DEPTHWISE, STATISTICS = "pruned", "re-fitted", "re-fitted depthwise", "statistics"


@dataclass(frozen=True)
class Task:
    """What is done to a layer.

    Attributes:
        kind: one of the above.
        layers: the dense model's and the copy's.
        sites: where it is called, in order.
        free: whether the means of its outputs are free, because it has a bias, or because a batch
            normalisation follows.
        norm: a batch normalisation that sees all of its outputs and nothing else: what it has to
            know follows from the layer's moments.
        positions: outputs per channel and sample, of its first call; 0 for other kinds than PRUNE.
    """

    kind: str
    layers: Pair
    sites: tuple[Site, ...]
    free: bool
    norm: Pair | None = None
    positions: int = 0


def places_of(tasks: Sequence[Task]) -> list[int]:
    """The steps where their layers are called, rising."""
    return sorted({site.step for task in tasks for site in task.sites})


@dataclass(frozen=True)
class Plan:
    """What is done to a model.

    Attributes:
        tasks: in the order in which their layers are first called.
        largest: bytes of the largest tensor that enters or leaves a layer, for one sample.
    """

    tasks: tuple[Task, ...]
    largest: int


@dataclass(frozen=True)
class _Event:
    """A call of a layer in the run."""

    step: int
    intercepted: Intercepted
    direct: bool


def plan(
    graph: Graph,
    example: Sequence[Array],
    copies: Mapping[int, keras.layers.Layer],
    pruned: Collection[int],
    refit: bool,
) -> Plan:
    """Find the tasks.

    Args:
        graph: of the model and its copy.
        example: one sample for each input.
        copies: the layer of the copy by the id of the dense one.
        pruned: ids of the layers that are pruned.
        refit: whether dense neighbours are re-fitted.

    Raises:
        ValueError: if a layer that is to be pruned is never called, or computes something else than
            its kind.
    """
    events = list(_run(graph, example))
    kinds = {}
    for event in events:
        layer = event.intercepted.layer
        kinds[id(layer)] = PRUNE if id(layer) in pruned else _kind_of(layer, refit)
    _check_called(pruned, kinds, copies)
    _check_computing(events, kinds)
    changed = _changed(graph, events, kinds)
    followed = _followed(graph, events)
    tasks: dict[int, Task] = {}
    served: set[int] = set()  # normalisations that are part of another's task
    for event in events:
        layer = event.intercepted.layer
        kind, key = kinds[id(layer)], id(layer)
        if kind is None or key in tasks or key in served or key not in changed:
            continue
        own = [each for each in events if each.intercepted.layer is layer]
        to_norms = all(id(each.intercepted.outputs) in followed for each in own)
        free = to_norms or getattr(layer, "use_bias", False)
        norm = _only_norm(own, events) if to_norms and kind != STATISTICS else None
        if norm is not None:
            served.add(id(norm))
        pair = None if norm is None else (norm, copies[id(norm)])
        array = _array(event.intercepted.inputs)
        positions = LaneLayer(layer).samples(array) if kind == PRUNE else 0
        tasks[key] = Task(kind, (layer, copies[key]), _sites(own), free, pair, positions)
    return Plan(tuple(tasks.values()), max(_bytes(event) for event in events))


def _bytes(event: _Event) -> int:
    call = event.intercepted
    return max(np.asarray(each).nbytes for each in keras.tree.flatten((call.inputs, call.outputs)))


def _only_norm(
    own: Sequence[_Event], events: Sequence[_Event]
) -> keras.layers.BatchNormalization | None:
    """The normalisation that sees a layer's outputs, if both are called once, and by channels."""
    if len(own) > 1:
        return None
    layer, output = own[0].intercepted.layer, own[0].intercepted.outputs
    (norm, *others) = [
        each.intercepted.layer for each in events if each.intercepted.inputs is output
    ]
    calls = sum(each.intercepted.layer is norm for each in events)
    by_channels = norm.axis in (-1, len(output.shape) - 1)
    last = getattr(layer, "data_format", None) != "channels_first"
    return norm if not others and calls == 1 and by_channels and last else None


def _run(graph: Graph, example: Sequence[Array]) -> Iterator[_Event]:
    """All calls of layers in the dense model."""
    values: dict[int, Any] = {
        key: keras.ops.convert_to_tensor(array)
        for key, array in zip(graph.inputs, example, strict=True)
    }
    for number, step in enumerate(graph.steps):
        operation = step.operations[DENSE]
        if has_graph(operation) or is_container(operation):
            outputs: list[Any] = []
            run = partial(_run_step, step, values, outputs)
            for call in calls_in(run, leaves(operation)):
                yield _Event(number, call, False)
        else:
            outputs = step.run(DENSE, values)
            if isinstance(operation, keras.layers.Layer) and len(step.inputs) == 1 == len(outputs):
                call = Intercepted(operation, values[step.inputs[0]], outputs[0])
                yield _Event(number, call, True)
        values |= dict(zip(step.outputs, outputs, strict=True))


def _run_step(step: Step, values: Mapping[int, Any], outputs: list[Any]) -> None:
    outputs += step.run(DENSE, values)


def _kind_of(layer: keras.layers.Layer, refit: bool) -> str | None:
    """What is done to a layer that is not pruned, if its inputs change."""
    if isinstance(layer, keras.layers.BatchNormalization):
        return STATISTICS
    if not refit:
        return None
    if type(layer) is keras.layers.DepthwiseConv2D and layer.data_format == "channels_last":
        return DEPTHWISE
    return REFIT if why_not_rebuilt(layer) is None else None


def _check_called(
    pruned: Collection[int],
    kinds: Mapping[int, str | None],
    copies: Mapping[int, keras.layers.Layer],
) -> None:
    for each in pruned:
        if each not in kinds:
            raise ValueError(
                f"prune_without_training: layer '{copies[each].name}' is not called when the model "
                "runs, or inside a layer that is not looked into; leave it out of layers."
            )


def _check_computing(events: Sequence[_Event], kinds: dict[int, str | None]) -> None:
    """See to it that layers compute what their kind does; others are not re-fitted."""
    seen: set[int] = set()
    for event in events:
        layer, inputs = event.intercepted.layer, event.intercepted.inputs
        if kinds[id(layer)] not in (PRUNE, REFIT) or id(layer) in seen:
            continue
        seen.add(id(layer))
        try:
            LaneLayer(layer).check(_array(inputs))
        except ValueError:
            if kinds[id(layer)] == PRUNE:
                raise
            kinds[id(layer)] = None


def _array(inputs: Any) -> Array:
    array: Array = keras.ops.convert_to_numpy(inputs)
    return array


def _changed(graph: Graph, events: Sequence[_Event], kinds: Mapping[int, str | None]) -> set[int]:
    """Ids of the layers that are pruned, or whose inputs change by what is done to others."""
    changed = {key for key, kind in kinds.items() if kind == PRUNE}
    while True:
        before = len(changed)
        keys: set[int] = set()
        for number, step in enumerate(graph.steps):
            is_other = not keys.isdisjoint(step.inputs)
            for event in events:
                if event.step != number:
                    continue
                layer = event.intercepted.layer
                if is_other:
                    changed.add(id(layer))
                is_other |= id(layer) in changed and kinds[id(layer)] is not None
            if is_other:
                keys.update(step.outputs)
        if len(changed) == before:
            return changed


def _followed(graph: Graph, events: Sequence[_Event]) -> set[int]:
    """Ids of outputs in the run that go to batch normalisation, and nowhere else in the graph."""
    norms = [
        event
        for event in events
        if isinstance(event.intercepted.layer, keras.layers.BatchNormalization)
    ]
    found = {id(event.intercepted.inputs) for event in norms}
    users: dict[int, set[int]] = {}
    for number, step in enumerate(graph.steps):
        for key in step.inputs:
            users.setdefault(key, set()).add(number)
    normal = {event.step for event in norms if event.direct}
    for event in events:
        (output,) = graph.steps[event.step].outputs if event.direct else (None,)
        if output is not None and (
            output in graph.outputs or not users.get(output, set()) <= normal
        ):
            found.discard(id(event.intercepted.outputs))
    return found


def _sites(events: Sequence[_Event]) -> tuple[Site, ...]:
    numbers = list(dict.fromkeys(event.step for event in events))
    return tuple(
        Site(number, sum(each.step == number and not each.direct for each in events))
        for number in numbers
    )
