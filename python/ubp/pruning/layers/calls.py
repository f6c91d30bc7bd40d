# SPDX-License-Identifier: Apache-2.0
"""Which operation of a model is called on which tensors, found through Keras's public interface.

Keras keeps the graph of a functional model to itself, but runs any function over it
(`keras.models.clone_model`): a copy of the graph is made here whose operations only take notes. No
weight is made, and the model stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras


@dataclass(frozen=True)
class Call:
    """One call of an operation of the model.

    Attributes:
        operation: the model's own, a layer or an operation of `keras.ops`.
        args, kwargs: what it is called on; tensors are `keras.KerasTensor`s.
        tensors: those among args and kwargs, in the order of `keras.tree.flatten`.
        outputs: the tensors that it returns, flattened.
    """

    operation: keras.Operation
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    tensors: tuple[keras.KerasTensor, ...]
    outputs: tuple[keras.KerasTensor, ...]


@dataclass(frozen=True)
class Trace:
    """One model's calls, each after those whose outputs it takes.

    Attributes:
        inputs, outputs: of the model, flattened.
        calls: a nested model is one call.
    """

    inputs: tuple[keras.KerasTensor, ...]
    calls: tuple[Call, ...]
    outputs: tuple[keras.KerasTensor, ...]


def trace(model: keras.Model) -> Trace:
    """The calls of a functional or built Sequential model; see `ubp.pruning.layers.walking`."""
    calls: list[Call] = []

    def take_note(stand_in: _StandIn, *args: Any, **kwargs: Any) -> Any:
        outputs = stand_in(*args, **kwargs)
        tensors = tensors_of((args, kwargs))
        calls.append(Call(stand_in.original, args, kwargs, tensors, tensors_of(outputs)))
        return outputs

    graph = keras.Model(model.inputs, model.outputs)
    notes = keras.models.clone_model(graph, clone_function=_StandIn, call_function=take_note)
    return Trace(tensors_of(notes.input), tuple(calls), tensors_of(notes.output))


def check_nested_call(call: Call, caller: str) -> None:
    """Refuse calls of a nested model that give it its inputs in another form than it was made for.

    In the form it was made for, the tensors of the call are the model's inputs, one by one. The
    `caller` is named in the message.

    Raises:
        ValueError: if names, a list or a number of axes are missing, or are too many.
    """
    model: keras.Model = call.operation
    made_for = model.inputs if isinstance(model, keras.Sequential) else model.input
    made_ranks = [len(tensor.shape) for tensor in tensors_of(made_for)]
    if [len(tensor.shape) for tensor in call.tensors] == made_ranks:
        single = len(made_ranks) == 1
        if single or _paths(call.args[0]) == _paths(made_for):
            return
    raise ValueError(
        f"{caller}: the model '{model.name}' in the model is called on "
        f"{_shapes(call.args)}, but was made for {_shapes(made_for)}; expected the same structure "
        "and number of axes."
    )


def _paths(structure: Any) -> list[tuple[Any, ...]]:
    return [path for path, _ in keras.tree.flatten_with_path(structure)]


def _shapes(structure: Any) -> str:
    return str(keras.tree.map_structure(lambda tensor: tuple(tensor.shape), structure))


def tensors_of(structure: Any) -> tuple[keras.KerasTensor, ...]:
    """The symbolic tensors in a structure of lists, tuples and dictionaries."""
    leaves = keras.tree.flatten(structure)
    return tuple(leaf for leaf in leaves if isinstance(leaf, keras.KerasTensor))


class _StandIn(keras.Operation):
    """An operation without weights that says what the original would return."""

    def __init__(self, original: keras.Operation) -> None:
        super().__init__(name=original.name)
        self.original = original

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        return self.original.compute_output_spec(*args, **kwargs)
