# SPDX-License-Identifier: Apache-2.0
"""A model and its copy as one flat list of calls, nested models in place.

A subclassed model, or a layer of a user's own class that holds layers, is one call: its own code
says what happens in it (see interception.py).
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from ubp.arguments import shown
from ubp.pruning.layers.calls import Call, Trace, check_nested_call, trace
from ubp.pruning.layers.walking import has_graph

DENSE, OWN = 0, 1  # the model as it is given, and the copy that is being pruned

Pair = tuple[Any, Any]  # operations: of the dense model, and of the copy


@dataclass(frozen=True)
class Slot:
    """In the arguments of a call, the place of a tensor."""

    key: int


@dataclass(frozen=True)
class Step:
    """One call.

    Attributes:
        operations: what is called, in the dense model and in the copy.
        args, kwargs: with slots for tensors.
        inputs, outputs: keys of tensors.
    """

    operations: Pair
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    def run(self, side: int, values: Mapping[int, Any]) -> list[Any]:
        """Call the operation of a side; returns its outputs, flattened."""
        args, kwargs = keras.tree.map_structure(
            lambda leaf: values[leaf.key] if isinstance(leaf, Slot) else leaf,
            (self.args, dict(self.kwargs)),
        )
        return list(keras.tree.flatten(self.operations[side](*args, **kwargs)))


@dataclass(frozen=True)
class Graph:
    """All calls, each after those whose outputs it takes; tensors are known by keys.

    Attributes:
        inputs, outputs: of the model, flattened.
        steps: the calls.
    """

    inputs: tuple[int, ...]
    steps: tuple[Step, ...]
    outputs: tuple[int, ...]


def graph_of(model: keras.Model, copy: keras.Model, example: Sequence[Any]) -> Graph:
    """The calls of a model and of its copy, which has the same structure.

    Args:
        model: a model that passes `check_copyable`.
        copy: made by `copy_model`.
        example: an array for each input.

    Raises:
        ValueError: if a layer is called in training mode.
    """
    if has_graph(model):
        return _Flattener().flatten(model, copy)
    keys = tuple(range(len(example)))
    slots = [Slot(key) for key in keys]
    args = (slots[0] if len(slots) == 1 else slots,)
    outputs = keras.tree.flatten(model(*_filled(args, example), **_inference(model)))
    made = tuple(range(len(keys), len(keys) + len(outputs)))
    return Graph(keys, (Step((model, copy), args, _inference(model), keys, made),), made)


def _filled(args: tuple[Any, ...], example: Sequence[Any]) -> Any:
    return keras.tree.map_structure(lambda slot: example[slot.key], args)


class _Flattener:
    def __init__(self) -> None:
        self._steps: list[Step] = []
        self._keys = 0

    def flatten(self, model: keras.Model, copy: keras.Model) -> Graph:
        calls, copied = trace(model), trace(copy)
        inputs = self._new(len(calls.inputs))
        outputs = self._enter(calls, copied, inputs)
        return Graph(inputs, tuple(self._steps), outputs)

    def _new(self, count: int) -> tuple[int, ...]:
        self._keys += count
        return tuple(range(self._keys - count, self._keys))

    def _enter(self, calls: Trace, copied: Trace, inputs: Sequence[int]) -> tuple[int, ...]:
        """Add the steps of a model that is called on tensors; returns the keys of its outputs."""
        known = dict(zip(map(id, calls.inputs), inputs, strict=True))
        for call, other in zip(calls.calls, copied.calls, strict=True):
            pair = (call.operation, other.operation)
            if pair[DENSE].name != pair[OWN].name:
                raise RuntimeError(f"the copy has '{pair[OWN].name}' for '{pair[DENSE].name}'.")
            given = tuple(known[id(tensor)] for tensor in call.tensors)
            if _can_be_entered(call):
                outputs = self._enter(trace(pair[DENSE]), trace(pair[OWN]), given)
            else:
                outputs = self._new(len(call.outputs))
                self._steps.append(_step(call, pair, known, given, outputs))
            known |= dict(zip(map(id, call.outputs), outputs, strict=True))
        return tuple(known[id(tensor)] for tensor in calls.outputs)


def _can_be_entered(call: Call) -> bool:
    if not has_graph(call.operation):
        return False
    try:
        check_nested_call(call, "prune_without_training")
    except ValueError:  # called in another form than it was made for: its own code knows how
        return False
    return True


def _step(
    call: Call, pair: Pair, known: Mapping[int, int], given: tuple[int, ...], outputs: Sequence[int]
) -> Step:
    if call.kwargs.get("training"):
        raise ValueError(
            f"prune_without_training: layer '{call.operation.name}' is called with training="
            f"{shown(call.kwargs['training'])}; expected a model for inference."
        )
    args, kwargs = keras.tree.map_structure(
        lambda leaf: Slot(known[id(leaf)]) if isinstance(leaf, keras.KerasTensor) else leaf,
        (call.args, call.kwargs),
    )
    return Step(pair, args, kwargs | _inference(call.operation), given, tuple(outputs))


def _inference(operation: keras.Operation) -> dict[str, Any]:
    """The argument that says so to a layer that takes one."""
    if not isinstance(operation, keras.layers.Layer):
        return {}
    return {"training": False} if "training" in inspect.signature(operation.call).parameters else {}
