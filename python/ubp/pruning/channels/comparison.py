# SPDX-License-Identifier: Apache-2.0
"""Proof that a copy with permuted or fewer channels computes what the model does, by running both.

Random numbers go through the model. Every layer of the copy is given what the model's own layer was
given, permuted, and has to return what that returned, permuted: a mistake in one layer cannot be
hidden by the next ones, such as by activations that fade, or by a softmax. At last the two whole
models' outputs are compared. Order of summation is the only difference there may be.

Where the copy has fewer channels, the others are set to zero wherever a layer of the model reads
them, and are left out of what it returns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from ubp.pruning.channels.flow import ChannelFlow, channel_index
from ubp.pruning.layers.calls import Call, Trace
from ubp.pruning.layers.pruned_layer import pruned_layers
from ubp.pruning.layers.walking import check_graph, has_graph

_LAYER_TOLERANCE = 1e-4  # of the largest output of the layer
_MODEL_TOLERANCE = 1e-2  # of the largest output of the model: rounding adds up over the layers
_UNKNOWN_SIZE = 64  # of an input, where the model leaves it open
_FLOATS = ("float32", "float64")

Array = npt.NDArray[Any]


def random_inputs(model: keras.Model, seed: int) -> Any:
    """One sample of random numbers per input, in the structure that the model takes.

    Normal numbers for float inputs, 0 and 1 for integers.
    """
    random = np.random.default_rng(seed)

    def draw(tensor: keras.KerasTensor) -> Array:
        batch, *sample = tensor.shape
        shape = (batch or 1, *(size or _UNKNOWN_SIZE for size in sample))
        if tensor.dtype.startswith("float"):
            return random.standard_normal(shape).astype(tensor.dtype)
        return random.integers(0, 2, shape).astype(tensor.dtype)

    if isinstance(model, keras.Sequential):  # has `input` only where it is part of another model
        return draw(*model.inputs)
    return keras.tree.map_structure(draw, model.input)


@dataclass(frozen=True)
class Comparison:
    """The two models.

    Attributes:
        flow: of the original.
        copies: the copy of each layer by the id of the original.
        orders: of the groups that are permuted or smaller, see `channel_index`.
    """

    flow: ChannelFlow
    copies: Mapping[int, keras.Operation]
    orders: dict[int, npt.NDArray[np.int64]]

    def check_layers(self, model: keras.Model, inputs: Any) -> list[Any]:
        """Compare layer by layer; the original's outputs.

        Raises:
            RuntimeError: if a layer of the copy returns something else.
        """
        values = [np.asarray(value) for value in keras.tree.flatten(inputs)]
        return self._run(self.flow.traces[id(model)], values)

    def _run(self, trace: Trace, inputs: Sequence[Any]) -> list[Any]:
        """Run the original on inputs, comparing; returns its outputs."""
        values = {id(tensor): value for tensor, value in zip(trace.inputs, inputs, strict=True)}
        taken = (tensor for call in trace.calls for tensor in call.tensors)
        uses = Counter(id(tensor) for tensor in (*taken, *trace.outputs))
        for call in trace.calls:
            outputs = self._run_call(call, values)
            values |= {id(tensor): out for tensor, out in zip(call.outputs, outputs, strict=True)}
            uses.subtract(id(tensor) for tensor in call.tensors)
            for tensor in call.tensors:
                if not uses[id(tensor)]:  # large ones would pile up
                    values.pop(id(tensor), None)
        return [values[id(tensor)] for tensor in trace.outputs]

    def _run_call(self, call: Call, values: dict[int, Any]) -> list[Any]:
        operation = call.operation
        if has_graph(operation):
            inputs = [values[id(tensor)] for tensor in call.tensors]
            return self._run(self.flow.traces[id(operation)], inputs)
        given = {id(each): self._without(each, values[id(each)]) for each in call.tensors}
        expected = _call(operation, call, given)
        permuted = {id(each): self._permute(each, values[id(each)]) for each in call.tensors}
        found = _call(self.copies[id(operation)], call, permuted)
        for tensor, one, other in zip(call.outputs, expected, found, strict=True):
            wanted = _array(self._permute(tensor, one))
            difference = relative_difference(wanted, _array(other))
            if not difference <= _LAYER_TOLERANCE:
                raise RuntimeError(
                    f"{self.flow.caller}: layer '{operation.name}' ({type(operation).__name__}) of "
                    f"the copy differs from the original by {difference:.2g} of its largest "
                    f"output; expected at most {_LAYER_TOLERANCE:g}. Please report this model."
                )
        return expected

    def _permute(self, tensor: keras.KerasTensor, value: Any) -> Any:
        index = channel_index(self.flow.channels[id(tensor)], self.orders)
        return value if index is None else np.take(_array(value), index, axis=-1)

    def _without(self, tensor: keras.KerasTensor, value: Any) -> Any:
        """The value with zeros in the channels that the copy does not have."""
        index = channel_index(self.flow.channels[id(tensor)], self.orders)
        array = _array(value)
        if index is None or len(index) == array.shape[-1]:
            return value
        zeroed = np.zeros_like(array)
        zeroed[..., index] = array[..., index]
        return zeroed


def check_outputs(expected: Sequence[Any], copy: keras.Model, inputs: Any, caller: str) -> float:
    """The largest difference of the models' outputs, relative to the largest output.

    Args:
        expected: the original's outputs, flattened.
        copy: the other model.
        inputs: which it is run on.
        caller: the public function, for messages.

    Raises:
        RuntimeError: if that is more than float rounding.
    """
    pairs = zip(expected, keras.tree.flatten(copy(inputs)), strict=True)
    difference = max(relative_difference(_array(a), _array(b)) for a, b in pairs)
    if not difference <= _MODEL_TOLERANCE:
        raise RuntimeError(
            f"{caller}: the outputs of the copy of model '{copy.name}' differ from the "
            f"original's by {difference:.2g} of the largest output; expected at most "
            f"{_MODEL_TOLERANCE:g}. Please report this model."
        )
    return difference


def check_model(model: keras.Model, caller: str) -> None:
    """Refuse models whose channels cannot be followed; `caller` is named in the message.

    Raises:
        TypeError: if it is not a functional or Sequential model of Keras 3.
        ValueError: if it is not built, is already pruned, or computes in less than float32.
    """
    check_graph(model, caller)
    if pruned_layers(model):
        raise ValueError(
            f"{caller}: model '{model.name}' is already pruned; call this before ubp.prune, or "
            "ubp.strip(model) first."
        )
    _check_precision(model, caller)


def _check_precision(model: keras.Model, caller: str) -> None:
    """Refuse models that compute in less than float32, where rounding may hide mistakes.

    The `caller` is named in the message.

    Raises:
        ValueError: naming the layer.
    """
    for layer in model.layers:
        if has_graph(layer):
            _check_precision(layer, caller)
        elif layer.weights and layer.compute_dtype not in _FLOATS:
            raise ValueError(
                f"{caller}: layer '{layer.name}' computes in {layer.compute_dtype}; "
                "expected float32 or float64, in which rounding cannot hide a mistake."
            )


def relative_difference(expected: Array, found: Array) -> float:
    """The largest difference, in units of the largest expected value; NaN equals NaN."""
    equal = (expected == found) | (np.isnan(expected) & np.isnan(found))
    if equal.all():
        return 0.0
    with np.errstate(invalid="ignore"):
        difference = np.abs(expected[~equal].astype(np.float64) - found[~equal])
    return float(difference.max() / np.abs(expected[np.isfinite(expected)]).max(initial=1e-30))


def _call(operation: keras.Operation, call: Call, values: dict[int, Any]) -> list[Any]:
    def value_of(leaf: Any) -> Any:
        return values[id(leaf)] if isinstance(leaf, keras.KerasTensor) else leaf

    args, kwargs = keras.tree.map_structure(value_of, (call.args, call.kwargs))
    return list(keras.tree.flatten(operation(*args, **kwargs)))


def _array(value: Any) -> npt.NDArray[Any]:
    """An array, or a tensor of whichever backend, as an array."""
    array: npt.NDArray[Any] = (
        keras.ops.convert_to_numpy(value) if keras.ops.is_tensor(value) else np.asarray(value)
    )
    return array
