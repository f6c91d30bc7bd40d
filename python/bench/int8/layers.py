# SPDX-License-Identifier: Apache-2.0
"""Int8 convolution layers as .tflite files of one operator, with random weights in blocks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

import ubp
from ubp.tflite import flatbuffer

LANES = 4
_SEED = 0
_INPUT_SCALE, _INPUT_ZERO_POINT = 0.05, -3
_STEPS = 40  # of the output that one standard deviation of it is
_UNIFORM = 74.0  # the standard deviation of an int8 of which all values are as likely


@dataclass(frozen=True, order=True)
class Layer:
    """A convolution with SAME padding; batch size 1, no dilation.

    size: height and width of the input in pixels.
    in_c, out_c: channels.
    kernel, stride: of both directions.
    depthwise: each output channel reads one input channel.
    """

    size: int
    in_c: int
    out_c: int
    kernel: int = 1
    stride: int = 1
    depthwise: bool = False

    @property
    def lanes(self) -> int:
        """Weights of an output channel."""
        return self.kernel * self.kernel * (1 if self.depthwise else self.in_c)

    @property
    def out_size(self) -> int:
        """Height and width of the output."""
        return -(-self.size // self.stride)

    @property
    def name(self) -> str:
        """Kernel, stride, channels and output size, such as "3x3 /2 128>256 @14x14"."""
        stride = f" /{self.stride}" if self.stride > 1 else ""
        channels = f"{self.in_c} depthwise" if self.depthwise else f"{self.in_c}>{self.out_c}"
        return f"{self.kernel}x{self.kernel}{stride} {channels} @{self.out_size}x{self.out_size}"


LAYERS = (
    Layer(14, 512, 512),
    Layer(28, 256, 256),
    Layer(56, 128, 128),
    Layer(7, 1024, 1024),
    Layer(56, 64, 128),
    Layer(14, 256, 256, kernel=3),
    Layer(28, 128, 128, kernel=3),
)
DEPTHWISE = (
    Layer(56, 128, 128, kernel=3, depthwise=True),
    Layer(14, 512, 512, kernel=3, depthwise=True),
    Layer(56, 128, 128, kernel=3, stride=2, depthwise=True),
)


def layer_file(layer: Layer, block_size: int, sparsity: int) -> bytes:
    """An ordinary int8 .tflite file of the layer; weights and outputs use the whole range.

    Args:
        layer: which one.
        block_size: output channels of a block of LANES inputs.
        sparsity: percent of zeros; of a depthwise layer there are none.
    """
    rng = np.random.default_rng(_SEED)
    weights = rng.integers(-127, 128, (layer.lanes, layer.out_c), np.int8)
    weights[weights == 0] = 1
    if not layer.depthwise:
        weights *= _kept(weights, block_size, sparsity)
    kept = max(1, np.count_nonzero(weights) / layer.out_c)
    scales = rng.uniform(0.5, 1, layer.out_c).astype(np.float32) * np.float32(0.01)
    output_scale = _INPUT_SCALE * 0.01 * _UNIFORM**2 * kept**0.5 / _STEPS
    shape = (layer.kernel, layer.kernel, -1, layer.out_c)
    stored = weights.reshape(shape)
    if layer.depthwise:
        stored = stored.reshape(1, layer.kernel, layer.kernel, layer.out_c)
    else:
        stored = stored.transpose(3, 0, 1, 2)
    bias = rng.integers(-1000, 1000, layer.out_c, np.int32)
    return _one_operator(layer, np.ascontiguousarray(stored), bias, scales, output_scale)


def _kept(weights: npt.NDArray[np.int8], block_size: int, sparsity: int) -> npt.NDArray[np.bool_]:
    importance = weights.astype(np.float32) ** 2
    return ubp.select_blocks(
        importance, block_size, sparsity=sparsity / 100, block_lanes=LANES
    ).mask()


def _one_operator(
    layer: Layer,
    weights: npt.NDArray[np.int8],
    bias: npt.NDArray[np.int32],
    scales: npt.NDArray[np.float32],
    output_scale: float,
) -> bytes:
    types, axis = schema.TensorType, 3 if layer.depthwise else 0
    image = [1, layer.size, layer.size, layer.in_c]
    result = [1, layer.out_size, layer.out_size, layer.out_c]
    tensors = [
        _tensor("input", image, types.INT8, 0, [_INPUT_SCALE], _INPUT_ZERO_POINT),
        _tensor("weights", weights.shape, types.INT8, 1, scales, axis=axis),
        _tensor("bias", bias.shape, types.INT32, 2, scales * np.float32(_INPUT_SCALE)),
        _tensor("output", result, types.INT8, 0, [output_scale]),
    ]
    code, kind, options = _kind(layer)
    operator = schema.OperatorT(
        opcodeIndex=0,
        inputs=[0, 1, 2],
        outputs=[3],
        builtinOptions=options,
        builtinOptionsType=kind,
    )
    data = [np.frombuffer(each.tobytes(), np.uint8) for each in (weights, bias)]
    return flatbuffer.serialize(
        schema.ModelT(
            version=3,
            operatorCodes=[
                schema.OperatorCodeT(builtinCode=code, deprecatedBuiltinCode=code, version=3)
            ],
            subgraphs=[
                schema.SubGraphT(tensors=tensors, inputs=[0], outputs=[3], operators=[operator])
            ],
            buffers=[schema.BufferT(), *(schema.BufferT(data=each) for each in data)],
        )
    )


def _kind(layer: Layer) -> tuple[int, int, object]:
    common = {
        "padding": schema.Padding.SAME,
        "strideH": layer.stride,
        "strideW": layer.stride,
    }
    if not layer.depthwise:
        options = schema.Conv2DOptionsT(**common)
        return schema.BuiltinOperator.CONV_2D, schema.BuiltinOptions.Conv2DOptions, options
    return (
        schema.BuiltinOperator.DEPTHWISE_CONV_2D,
        schema.BuiltinOptions.DepthwiseConv2DOptions,
        schema.DepthwiseConv2DOptionsT(depthMultiplier=1, **common),
    )


def _tensor(
    name: str,
    shape: object,
    kind: int,
    buffer: int,
    scales: object,
    zero_point: int = 0,
    axis: int = 0,
) -> schema.TensorT:
    scale = np.array(scales, np.float32)
    return schema.TensorT(
        shape=np.array(shape, np.int32),
        type=kind,
        name=name,
        buffer=buffer,
        quantization=schema.QuantizationParametersT(
            scale=scale,
            zeroPoint=np.full(scale.size, zero_point, np.int64),
            quantizedDimension=axis,
        ),
    )
