# SPDX-License-Identifier: Apache-2.0
"""Copies of models that compute with rounded kernels and activations, and the way back.

The copy of a functional or Sequential model is a functional one with `LearnedRange` layers in it,
named after the layer in front ("conv_1_range"), or the input. The activation of a convolution or
dense layer that is no part of its int8 operator becomes a layer of its own ("conv_1_activation").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import keras

from ubp.pruning.cloning.copying import copy_layer, copy_model, set_weights
from ubp.pruning.layers.calls import Call, Trace, tensors_of, trace
from ubp.pruning.layers.fake_quantization import FakeQuantize, FloatBoundary, LearnedRange
from ubp.pruning.layers.quantized_layer import QuantizedLayer
from ubp.pruning.layers.rounding import has_kernel
from ubp.pruning.layers.tensor_ranges import (
    Kind,
    Role,
    activation_to_split,
    is_chosen,
    joins,
    roles_of,
)
from ubp.pruning.layers.walking import has_graph, iterate_layers
from ubp.pruning.settings.quantize_aware import QuantizeAware

Copy = Callable[[keras.Operation], keras.Operation]


def check_quantizable(model: keras.Model, settings: QuantizeAware, caller: str) -> None:
    """Refuse a model whose tensors cannot be given ranges; `caller` is named in the message.

    Raises:
        TypeError: if Keras does not know the graph of the model, or of one in it.
        ValueError: if it has ranges already, or nothing has a name of `float_layers`.
    """
    if not has_graph(model):
        raise TypeError(
            f"{caller}: quantize needs the graph of layers, which Keras does not know of the "
            f"subclassed model '{model.name}' ({type(model).__name__}); expected a functional or "
            "Sequential model, or prune without quantize and give ubp.quantize "
            "representative_data."
        )
    operations = list(_operations(model))
    ranges = [each for each in operations if isinstance(each, LearnedRange | FakeQuantize)]
    if ranges:
        raise ValueError(
            f"{caller}: model '{model.name}' is quantised already: it has the layer "
            f"'{ranges[0].name}'; expected the model from before."
        )
    given = settings.float_layers
    names = () if callable(given) else (given,) if isinstance(given, str) else given
    for name in names:
        if not any(is_chosen(each, name) for each in operations):
            known = ", ".join(layer.name for layer in iterate_layers(model) if layer.weights)
            raise ValueError(
                f"{caller}: float_layers has {name!r}, but no layer of the model is called that; "
                f"its layers with weights are {known}."
            )


def kernels_to_round(model: keras.Model, settings: QuantizeAware) -> set[int]:
    """The ids of the layers whose kernels int8 operators hold."""
    found: set[int] = set()
    for calls in _traces(model):
        for call, role in zip(calls.calls, roles_of(calls, settings.float_layers), strict=True):
            if has_kernel(call.operation) and not role.is_float:
                found.add(id(call.operation))
    return found


class QuantizedGraphs:
    """Copies of graphs with ranges: what `copy_model` takes for `copy_graph`.

    Args:
        settings: how.
        model: the outermost of the graphs, whose inputs get ranges, too.
    """

    def __init__(self, settings: QuantizeAware, model: keras.Model) -> None:
        self._settings = settings
        self._model = model

    def copy(self, model: keras.Model, copy: Copy) -> keras.Model:
        """The copy of one graph, of layers that `copy` gives; nested models among them."""
        calls = trace(model)
        roles = roles_of(calls, self._settings.float_layers)
        inputs = [
            keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=tensor.name)
            for tensor in calls.inputs
        ]
        graph, is_outermost = _Graph(calls, roles, self._settings), model is self._model
        for tensor, new in zip(calls.inputs, inputs, strict=True):
            graph.enter(tensor, new, is_outermost=is_outermost)
        for call, role in zip(calls.calls, roles, strict=True):
            graph.call(call, role, copy(call.operation))
        outputs = [graph.leave(tensor, is_outermost=is_outermost) for tensor in calls.outputs]
        return keras.Model(
            keras.tree.pack_sequence_as(_structure(model, "input"), inputs),
            keras.tree.pack_sequence_as(_structure(model, "output"), outputs),
            name=model.name,
        )


class _Graph:
    """One graph in the making; its tensors are known by the ids of those of the trace."""

    def __init__(self, calls: Trace, roles: list[Role], settings: QuantizeAware) -> None:
        self._values: dict[int, keras.KerasTensor] = {}
        self._momentum = settings.momentum
        taken = [call.operation.name for call in calls.calls]
        self._names = dict.fromkeys([*taken, *(each.name for each in calls.inputs)], 1)
        self._names_of: dict[int, str] = {}  # tensors -> what they are the results of
        self._floats: set[int] = set()  # float tensors
        self._ranged: dict[int, keras.KerasTensor] = {}  # the same with one
        self._read_by_int8 = {
            id(tensor)
            for call, role in zip(calls.calls, roles, strict=True)
            for tensor in call.tensors
            if not role.is_float
        }

    def enter(
        self, tensor: keras.KerasTensor, new: keras.KerasTensor, *, is_outermost: bool
    ) -> None:
        """Take up an input."""
        if is_outermost and id(tensor) in self._read_by_int8:
            new = self._range(new, tensor.name)
        self._values[id(tensor)] = new
        self._names_of[id(tensor)] = tensor.name

    def leave(self, tensor: keras.KerasTensor, *, is_outermost: bool) -> keras.KerasTensor:
        """An output: a float one of a nested model has a range, which its readers expect."""
        is_float = id(tensor) in self._floats
        return self._with_range(tensor) if is_float and not is_outermost else self._value(tensor)

    def call(self, call: Call, role: Role, operation: keras.Operation) -> None:
        """Call the copy of an operation as the original is called, and take up its results."""

        def given(leaf: Any) -> Any:
            return self._argument(leaf, call, role) if isinstance(leaf, keras.KerasTensor) else leaf

        args, kwargs = keras.tree.map_structure(given, (call.args, dict(call.kwargs)))
        results = list(tensors_of(operation(*args, **kwargs)))
        name = call.operation.name
        activation = None if role.is_float else activation_to_split(call.operation)
        if activation is not None:
            split = keras.layers.Activation(activation, name=self._named(f"{name}_activation"))
            results = [split(self._range(results[0], f"{name}_linear"))]
        for tensor, result in zip(call.outputs, results, strict=True):
            self._names_of[id(tensor)] = name
            if role.is_float:
                self._floats.add(id(tensor))
            elif role.kind is Kind.LEARNED and not has_graph(call.operation):
                result = self._range(result, name)
            self._values[id(tensor)] = result

    def _argument(self, tensor: keras.KerasTensor, call: Call, role: Role) -> keras.KerasTensor:
        """What a call is given for a tensor.

        Float ones end at the operators of int8, with a range there. Into a float concatenation the
        converter would bring the range of an operand that has one.
        """
        is_float = id(tensor) in self._floats
        if role.is_float and not is_float and joins(call.operation):
            return self._end(tensor)
        return self._with_range(tensor) if is_float and not role.is_float else self._value(tensor)

    def _value(self, tensor: keras.KerasTensor) -> keras.KerasTensor:
        return self._values[id(tensor)]

    def _with_range(self, tensor: keras.KerasTensor) -> keras.KerasTensor:
        """A float tensor with a range."""
        key = id(tensor)
        if key not in self._ranged:
            self._ranged[key] = self._range(self._end(tensor), self._names_of[key])
        return self._ranged[key]

    def _end(self, tensor: keras.KerasTensor) -> keras.KerasTensor:
        """A tensor behind which there is no float."""
        name = self._named(f"{self._names_of[id(tensor)]}_boundary")
        return FloatBoundary(name=name)(self._value(tensor))

    def _range(self, tensor: keras.KerasTensor, name: str) -> keras.KerasTensor:
        """A tensor with a range; integers need none."""
        if not keras.backend.is_float_dtype(tensor.dtype):
            return tensor
        return LearnedRange(self._momentum, name=self._named(f"{name}_range"))(tensor)

    def _named(self, name: str) -> str:
        count = self._names[name] = self._names.get(name, 0) + 1
        return name if count == 1 else f"{name}_{count}"


def quantized(model: keras.Model, settings: QuantizeAware) -> keras.Model:
    """A copy that computes as int8 will, not pruned; it passes `check_quantizable`."""
    to_round, copied = kernels_to_round(model, settings), []

    def replace(layer: keras.Operation) -> keras.Operation:
        copy = copy_layer(layer)
        if isinstance(layer, keras.layers.Layer):
            copied.append((layer, copy))
        return QuantizedLayer(without_activation(copy)) if id(layer) in to_round else copy

    new = copy_model(model, replace, copy_graph=QuantizedGraphs(settings, model).copy)
    for layer, copy in copied:
        set_weights(copy, layer.get_weights())
    return new


def without_activation(copy: keras.Operation) -> keras.Operation:
    """A copy that is not built, without an activation that becomes a layer of its own."""
    if activation_to_split(copy) is not None:
        copy.activation = keras.activations.linear
    return copy


def _structure(model: keras.Model, which: str) -> Any:
    """The inputs or outputs in the structure that the model takes or gives."""
    if isinstance(model, keras.Sequential):
        return getattr(model, f"{which}s")[0]
    return getattr(model, which)


def _traces(model: keras.Model) -> Iterable[Trace]:
    """Of a model and those in it, each once."""
    left, seen = [model], {id(model)}
    while left:
        calls = trace(left.pop())
        yield calls
        for call in calls.calls:
            if has_graph(call.operation) and id(call.operation) not in seen:
                seen.add(id(call.operation))
                left.append(call.operation)


def _operations(model: keras.Model) -> Iterable[keras.Operation]:
    return (call.operation for calls in _traces(model) for call in calls.calls)
