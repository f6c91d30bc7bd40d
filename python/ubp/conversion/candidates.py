# SPDX-License-Identifier: Apache-2.0
"""Candidates: what a layer consists of that one of our operators can stand for, or why none can.

This is the one place that knows which operators ours can stand for: UbpConv2D for CONV_2D,
UbpFullyConnected for FULLY_CONNECTED, UbpTransposeConv2D for TRANSPOSE_CONV.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from ubp.conversion import transposed
from ubp.conversion.operator_view import TRANSPOSE_CONV, OperatorView, UnsupportedError
from ubp.conversion.output_shape import Line, read_output_shape
from ubp.format import (
    QUAD,
    Activation,
    Attributes,
    Conv2DAttributes,
    FullyConnectedAttributes,
    TransposeConv2DAttributes,
    ValueType,
)
from ubp.lanes import to_lanes
from ubp.tflite import flatbuffer
from ubp.tflite.constant_tensors import shape_of, type_name

# The rank of each operator's weights.
_RANKS = {"CONV_2D": 4, "FULLY_CONNECTED": 2, TRANSPOSE_CONV: 4}
CANDIDATES = tuple(_RANKS)

# How many times the weights of a transposed convolution may become by its stride, in which those
# that its kernel lacks are zeros: at most 4 times where the kernel is no smaller than the stride.
_MOST_GROWTH = 16


# What is said of a layer whose activations the interpreter would quantise on the way in.
COMPUTED_IN_FLOAT = (
    "computed in float: the ordinary operator quantises its input at each inference, ours does not"
)


@dataclass(frozen=True)
class Candidate:
    """What converting a layer needs.

    attributes: the op's geometry and activation, with block size 1.
    weights: [lanes, channels], float32 or int8, a view of the file where the layout allows.
    bias: float32 [channels], int32 where activations are int8, or None.
    num_weights: of the dense layer, without the zeros that a transposed convolution gets.
    in_pixels, out_pixels: activations per channel that one inference of our op reads and writes
        (batch * height * width, or rows of a fully-connected layer; of a transposed convolution
        blocks of pixels); sizes that are not known count as 1.
    stored_as: F16 where the file has the weights as float16, which holds them exactly; I8 where it
        has int8; else F32.
    scales: float32 [channels], what int8 weights are multiplied with; None for float32 ones.
    is_int8: whether input and output are int8, too; otherwise they are float32.
    note: what our op does otherwise than the one it stands for; empty where nothing.
    """

    attributes: Attributes
    weights: npt.NDArray[Any]
    bias: npt.NDArray[Any] | None
    num_weights: int
    in_pixels: float
    out_pixels: float
    stored_as: ValueType = ValueType.F32
    scales: npt.NDArray[np.float32] | None = None
    is_int8: bool = False
    note: str = ""


@dataclass(frozen=True)
class _Weights:
    """As in the file: [channels, ...], and as Candidate has the others."""

    values: npt.NDArray[Any]
    stored_as: ValueType
    scales: npt.NDArray[np.float32] | None = None


def candidate_of(view: OperatorView) -> Candidate:
    """What converting the operator needs.

    Raises:
        UnsupportedError: if it has to stay.
        ValueError: if a constant does not have the data that its shape asks for.
    """
    inputs = view.inputs
    weights = _read_weights(view)
    is_int8 = _has_int8_activations(view, weights)
    shape = weights.values.shape
    _check_shapes(view, shape)
    attributes = _attributes(view, shape)
    try:
        attributes.check()
    except ValueError as error:
        raise UnsupportedError(str(error)) from error
    if is_int8 and attributes.in_channels % QUAD:
        raise UnsupportedError(
            f"its {attributes.in_channels} input channels are no multiple of {QUAD}, as those of "
            "int8 layers have to be"
        )
    bias = _read_bias(view, shape[0], is_int8)
    hybrid = weights.scales is not None and not is_int8 and not _is_decoded(view)
    return Candidate(
        attributes,
        _matrix(weights.values, attributes),
        None if bias is None else np.tile(bias, attributes.groups),
        weights.values.size,
        view.pixels(inputs.activation),
        view.pixels(view.output) / attributes.groups,
        weights.stored_as,
        None if weights.scales is None else np.tile(weights.scales, attributes.groups),
        is_int8,
        COMPUTED_IN_FLOAT if hybrid else "",
    )


def _read_weights(view: OperatorView) -> _Weights:
    index = view.inputs.weights
    if index != -1 and (quantized := view.quantized(index, "weights")) is not None:
        return _Weights(quantized.values, ValueType.I8, quantized.scales)
    values = view.constant(index, "weights")
    stored_as = ValueType.F16 if values.dtype == np.float16 else ValueType.F32
    return _Weights(values.astype(np.float32, copy=False), stored_as)


def _is_decoded(view: OperatorView) -> bool:
    """Whether operators make float weights of the int8 ones that the file has."""
    weights = view.tensor(view.inputs.weights)
    return weights is not None and weights.type != schema.TensorType.INT8


def _has_int8_activations(view: OperatorView, weights: _Weights) -> bool:
    """Whether input and output are int8; or float32, both."""
    activation, output = view.tensor(view.inputs.activation), view.tensor(view.output)
    is_int8 = activation is not None and activation.type == schema.TensorType.INT8
    expected = schema.TensorType.INT8 if is_int8 else schema.TensorType.FLOAT32
    for tensor, role in ((activation, "input"), (output, "output")):
        if tensor is None or tensor.type != expected:
            either = "INT8" if is_int8 else "FLOAT32 or INT8"
            raise UnsupportedError(f"its {role} is {type_name(tensor)}, not {either}")
        if is_int8 and not _is_quantized(tensor):
            raise UnsupportedError(f"its {role} is INT8 without one scale and zero point")
    if is_int8 and (weights.scales is None or _is_decoded(view)):
        raise UnsupportedError("its input is INT8, its weights are not")
    if is_int8 and view.op == TRANSPOSE_CONV:
        raise UnsupportedError("its input is INT8; transposed convolutions are taken in float only")
    if is_int8 and weights.scales is not None:
        _check_factors(activation, output, weights.scales)
    return is_int8


def _check_factors(
    activation: schema.TensorT | None, output: schema.TensorT | None, scales: npt.NDArray[Any]
) -> None:
    """The delegate takes sums scaled by what XNNPACK takes."""
    assert activation is not None and output is not None
    factors = np.float32(activation.quantization.scale[0]) * scales.astype(np.float32)
    factors = factors / np.float32(output.quantization.scale[0])
    wrong = factors[~((factors >= 2.0**-32) & (factors < 256.0))]
    if wrong.size:
        raise UnsupportedError(f"its sums are scaled by {wrong[0]:g}, not by 2^-32 to 256")


def _is_quantized(tensor: schema.TensorT) -> bool:
    found = tensor.quantization
    if found is None or found.scale is None or found.zeroPoint is None:
        return False
    return len(found.scale) == len(found.zeroPoint) == 1 and 0 < found.scale[0] < np.inf


def _check_shapes(view: OperatorView, shape: tuple[int, ...]) -> None:
    rank = _RANKS[view.op]
    if len(shape) != rank:
        raise UnsupportedError(f"its weights have {len(shape)} dimensions, not {rank}")
    in_channels = (shape_of(view.tensor(view.inputs.activation)) or (0,))[-1]
    if in_channels != shape[-1]:
        raise UnsupportedError(
            f"its weights read {shape[-1]} channels, its input has {in_channels} (grouped "
            "convolution, or input flattened by the operator)"
        )


def _read_bias(view: OperatorView, channels: int, is_int8: bool) -> npt.NDArray[Any] | None:
    index = view.inputs.bias
    if view.tensor(index) is None:
        return None
    if is_int8:
        bias: npt.NDArray[Any] = view.integers(index, "bias").reshape(-1)
    else:
        bias = view.constant(index, "bias").reshape(-1).astype(np.float32, copy=False)
    if bias.size != channels:
        raise UnsupportedError(f"its bias has {bias.size} values for {channels} channels")
    return bias


def _matrix(weights: npt.NDArray[Any], attributes: Attributes) -> npt.NDArray[Any]:
    """Weights as in the file, as [lanes, channels]."""
    if not isinstance(attributes, TransposeConv2DAttributes):
        return to_lanes(weights, 0)
    strides = (attributes.block_h, attributes.block_w)
    if attributes.lanes * attributes.out_channels > _MOST_GROWTH * weights.size:
        raise UnsupportedError(
            f"its strides {strides[0]}x{strides[1]} are large for a kernel of "
            f"{weights.shape[1]}x{weights.shape[2]}"
        )
    return transposed.to_phases(weights, strides)


def _attributes(view: OperatorView, shape: tuple[int, ...]) -> Attributes:
    options = view.operator.builtinOptions
    if options is None:
        raise UnsupportedError("it has no options")
    function = options.fusedActivationFunction
    if function not in list(Activation):
        raise UnsupportedError(
            f"its fused activation (number {function} of the schema) is not supported"
        )
    if view.op == "FULLY_CONNECTED":
        if options.weightsFormat != schema.FullyConnectedOptionsWeightsFormat.DEFAULT:
            raise UnsupportedError("its weights are stored shuffled")
        return FullyConnectedAttributes(
            in_channels=shape[1],
            out_channels=shape[0],
            block_size=1,
            activation=function,
            keep_num_dims=int(options.keepNumDims),
        )
    if view.op == TRANSPOSE_CONV:
        return _of_transposed(view, shape, options)
    return Conv2DAttributes(
        in_channels=shape[3],
        out_channels=shape[0],
        block_size=1,
        activation=function,
        kernel_h=shape[1],
        kernel_w=shape[2],
        stride_h=options.strideH,
        stride_w=options.strideW,
        dilation_h=options.dilationHFactor,
        dilation_w=options.dilationWFactor,
        padding=options.padding,
    )


def _of_transposed(view: OperatorView, shape: tuple[int, ...], options: Any) -> Attributes:
    """The attributes of a transposed convolution whose weights have this shape in the file."""
    channels, kernel_h, kernel_w, in_channels = shape
    output = view.tensor(view.output)
    size = shape_of(view.tensor(view.inputs.activation))
    found = read_output_shape(view)
    if len(size) != 4 or len(shape_of(output)) != 4:
        raise UnsupportedError("its input or output does not have 4 dimensions")
    if found is None:
        raise UnsupportedError("its output shape is neither constant nor made of four sizes")
    if found[3] != Line(0, channels) or shape_of(output)[3] != channels:
        raise UnsupportedError(f"its output shape does not have its {channels} channels")
    if found[0] is not None and not found[0].scale and found[0].offset != size[0]:
        raise UnsupportedError("its output shape does not have the batch of its input")
    rows = _axis(view, 1, kernel_h, options.strideH, found[1])
    columns = _axis(view, 2, kernel_w, options.strideW, found[2])
    return transposed.attributes_of(
        rows, columns, in_channels, channels, options.fusedActivationFunction
    )


def _axis(
    view: OperatorView, axis: int, kernel: int, stride: int, line: Line | None
) -> transposed.Axis:
    """The rows (axis 1) or columns (axis 2) of a transposed convolution.

    Where the size of the input is open, an output of stride * size + offset makes the same axis of
    every size.
    """
    what = ("height", "width")[axis - 1]
    if line is None or (line.scale and line.axis != axis):
        raise UnsupportedError(f"its output {what} is not computed of that of its input")
    activation, output = view.tensor(view.inputs.activation), view.tensor(view.output)
    size = shape_of(activation)[axis]
    if _is_open(activation, axis) and line.scale != stride:
        raise UnsupportedError(
            f"its output {what} is not {stride} times that of its input, which is open"
        )
    made = line.scale * size + line.offset
    if not _is_open(output, axis) and made != shape_of(output)[axis]:
        raise UnsupportedError(
            f"its output {what} is {shape_of(output)[axis]}, its output shape says {made}"
        )
    if min(kernel, stride, size, made) < 1:
        raise UnsupportedError(f"its {what} or stride is below 1")
    found = transposed.make_axis(kernel, stride, view.operator.builtinOptions.padding, size, made)
    if found is None:
        raise UnsupportedError(
            f"no convolution makes its input {what} of {size} of an output of {made}"
        )
    return found


def _is_open(tensor: schema.TensorT | None, axis: int) -> bool:
    """Whether the file leaves a size open."""
    signature = [] if tensor is None else flatbuffer.indices(tensor.shapeSignature)
    return len(signature) > axis and signature[axis] == -1
