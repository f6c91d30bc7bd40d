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
    """The calls of a functional or built Sequential model; see `ubp.pruning.copying`."""
    calls: list[Call] = []

    def take_note(stand_in: _StandIn, *args: Any, **kwargs: Any) -> Any:
        outputs = stand_in(*args, **kwargs)
        tensors = tensors_of((args, kwargs))
        calls.append(Call(stand_in.original, args, kwargs, tensors, tensors_of(outputs)))
        return outputs

    graph = keras.Model(model.input, model.output)
    notes = keras.models.clone_model(graph, clone_function=_StandIn, call_function=take_note)
    return Trace(tensors_of(notes.input), tuple(calls), tensors_of(notes.output))


def takes_inputs_in_order(call: Call, calls: Trace) -> bool:
    """Whether the tensors of a nested model's call are the model's inputs, one by one."""
    has_names = any(isinstance(argument, dict) for argument in call.args)
    shapes = [tensor.shape[1:] for tensor in call.tensors]
    return not has_names and [len(shape) for shape in shapes] == [
        len(tensor.shape) - 1 for tensor in calls.inputs
    ]


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
