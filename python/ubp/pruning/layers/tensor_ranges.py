# SPDX-License-Identifier: Apache-2.0
"""Which tensors of a model's graph int8 needs a range of, and which layers stay float.

A layer and what TensorFlow Lite's converter makes part of its operator are a *group*: a convolution
or dense layer, the batch normalisation behind it, and the RELU or RELU6 behind that; an addition or
a normalisation of its own, and its RELU. What passes inside a group is no tensor of the file.

What follows a float layer stays float: the rest of its group, operations that keep the range, and
concatenations.

    learned     the outputs of groups, and the model's float inputs: each gets a range
    as before   operations that choose, move or repeat values, whose results have the range of
                what they are called on, as TensorFlow Lite's operators ask for
    fixed       sigmoid, tanh and softmax, whose int8 operators have ranges of their own
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from fnmatch import fnmatchcase
from typing import Any

import keras
from keras import layers

from ubp.pruning.layers.calls import Call, Trace
from ubp.pruning.layers.rounding import has_kernel
from ubp.pruning.settings.quantize_aware import FloatLayers

_SAME_RANGE = (
    layers.ActivityRegularization,
    layers.AveragePooling1D,
    layers.AveragePooling2D,
    layers.Cropping1D,
    layers.Cropping2D,
    layers.Dropout,
    layers.Flatten,
    layers.GaussianDropout,
    layers.GaussianNoise,
    layers.GlobalMaxPooling1D,
    layers.GlobalMaxPooling2D,
    layers.Identity,
    layers.MaxPooling1D,
    layers.MaxPooling2D,
    layers.Permute,
    layers.RepeatVector,
    layers.Reshape,
    layers.SpatialDropout1D,
    layers.SpatialDropout2D,
    layers.UpSampling1D,
    layers.UpSampling2D,
    layers.ZeroPadding1D,
    layers.ZeroPadding2D,
)
# Of the classes behind keras.ops, which have no public name but their own.
_SAME_RANGE_OPERATIONS = (
    "ExpandDims", "Flip", "GetItem", "Identity", "Moveaxis", "Pad", "Ravel", "Repeat", "Reshape",
    "Slice", "Split", "Squeeze", "StopGradient", "Swapaxes", "Tile", "Transpose",
)  # fmt: skip
_JOINING_OPERATIONS = ("Concatenate", "Stack")
_WITH_RELU = (layers.Add, layers.BatchNormalization, layers.Multiply, layers.Subtract)
_WITH_RELU_OPERATIONS = ("Add", "Multiply", "Subtract")
_FIXED = ("sigmoid", "softmax", "tanh")
_FIXED_OPERATIONS = ("Sigmoid", "Softmax", "Tanh")


class Kind(Enum):
    """What the file needs of the results of a call; see above."""

    INSIDE = auto()  # of a group: nothing
    LEARNED = auto()
    SAME = auto()
    FIXED = auto()


@dataclass(frozen=True)
class Role:
    """What becomes of one call of a trace.

    kind: of its results.
    is_float: whether they are computed, and stay, float.
    """

    kind: Kind
    is_float: bool


def roles_of(trace: Trace, float_layers: FloatLayers) -> list[Role]:
    """The role of each call.

    Args:
        trace: of a model. A nested model is a call like any other; what is in it has a trace of
            its own.
        float_layers: as QuantizeAware has them; a name need not be the name of any of these.
    """
    readers = _readers(trace)
    heads: set[int] = set()  # places of calls whose results stay inside their group
    wanted = [is_chosen(call.operation, float_layers) for call in trace.calls]
    for place in reversed(range(len(trace.calls))):
        reader = _sole_reader(trace, place, readers)
        if reader is not None and _fuses(trace.calls[place], trace.calls[reader].operation):
            heads.add(place)
            wanted[place] = wanted[place] or wanted[reader]
    floats: set[int] = set()  # ids of tensors
    inside: set[int] = set()
    roles = []
    for place, call in enumerate(trace.calls):
        given = set(map(id, call.tensors))
        kind = Kind.INSIDE if place in heads else _kind_of(call.operation)
        follows = bool(given & inside) or kind is Kind.SAME or joins(call.operation)
        is_float = wanted[place] or (follows and bool(given & floats))
        results = set(map(id, call.outputs))
        inside |= results if kind is Kind.INSIDE else set()
        floats |= results if is_float else set()
        roles.append(Role(kind, is_float))
    return roles


def is_chosen(operation: keras.Operation, float_layers: FloatLayers) -> bool:
    """Whether `float_layers` of a QuantizeAware means this one."""
    if callable(float_layers):
        return isinstance(operation, keras.layers.Layer) and bool(float_layers(operation))
    names = [float_layers] if isinstance(float_layers, str) else float_layers
    return any(fnmatchcase(operation.name, name) for name in names)


def activation_to_split(operation: keras.Operation) -> Callable[[Any], Any] | None:
    """The activation of a layer with a kernel that its int8 operator cannot compute; or None."""
    activation = getattr(operation, "activation", None)
    fused = (None, keras.activations.linear, keras.activations.relu, keras.activations.relu6)
    return activation if has_kernel(operation) and activation not in fused else None


def _kind_of(operation: keras.Operation) -> Kind:
    if isinstance(operation, keras.layers.Layer):
        if isinstance(operation, _SAME_RANGE):
            return Kind.SAME
        fixed = [getattr(keras.activations, name) for name in _FIXED]
        is_fixed = getattr(operation, "activation", None) in fixed
        return Kind.FIXED if is_fixed or isinstance(operation, layers.Softmax) else Kind.LEARNED
    if _name(operation) in _SAME_RANGE_OPERATIONS:
        return Kind.SAME
    return Kind.FIXED if _name(operation) in _FIXED_OPERATIONS else Kind.LEARNED


def joins(operation: keras.Operation) -> bool:
    """Whether this is a concatenation, whose int8 operator has one range for all operands."""
    if isinstance(operation, keras.layers.Layer):
        return isinstance(operation, layers.Concatenate)
    return _name(operation) in _JOINING_OPERATIONS


def _fuses(call: Call, reader: keras.Operation) -> bool:
    """Whether the converter makes a call and its only reader one operator."""
    operation = call.operation
    if has_kernel(operation):
        if getattr(operation, "activation", None) is not keras.activations.linear:
            return False
        return _is_relu(reader) or _normalises_channels(reader, call.outputs[0])
    if isinstance(operation, keras.layers.Layer):
        return isinstance(operation, _WITH_RELU) and _is_relu(reader)
    return _name(operation) in _WITH_RELU_OPERATIONS and _is_relu(reader)


def _normalises_channels(operation: keras.Operation, tensor: keras.KerasTensor) -> bool:
    rank = len(tensor.shape)
    return isinstance(operation, layers.BatchNormalization) and operation.axis in (-1, rank - 1)


def _is_relu(operation: keras.Operation) -> bool:
    """Whether this is RELU or RELU6."""
    if isinstance(operation, layers.ReLU):
        others = operation.negative_slope, operation.threshold
        return operation.max_value in (None, 6) and not any(others)
    if isinstance(operation, layers.Activation):
        return operation.activation in (keras.activations.relu, keras.activations.relu6)
    return _name(operation) in ("Relu", "Relu6")


def _name(operation: keras.Operation) -> str:
    """The name of a class behind keras.ops; of others none."""
    kind = type(operation)
    return kind.__name__ if kind.__module__.startswith("keras.") else ""


def _readers(trace: Trace) -> dict[int, list[int]]:
    """The places of the calls that take a tensor, by its id; -1 for the model's outputs."""
    readers: dict[int, list[int]] = defaultdict(list)
    for place, call in enumerate(trace.calls):
        for tensor in call.tensors:
            readers[id(tensor)].append(place)
    for tensor in trace.outputs:
        readers[id(tensor)].append(-1)
    return readers


def _sole_reader(trace: Trace, place: int, readers: dict[int, list[int]]) -> int | None:
    """The place of the only call that takes a call's only result."""
    outputs: Sequence[keras.KerasTensor] = trace.calls[place].outputs
    found = readers[id(outputs[0])] if len(outputs) == 1 else []
    return found[0] if len(found) == 1 and found[0] >= 0 else None
