# SPDX-License-Identifier: Apache-2.0
"""Models of a single operator, to be run or timed alone: out of a network, or of given weights."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from ubp.tflite import flatbuffer

_SCHEMA_VERSION = 3


def extract_operator(
    model: schema.ModelT,
    subgraph: int,
    operator: int,
    shapes: Mapping[tuple[int, int], tuple[int, ...]] | None = None,
) -> bytes:
    """A .tflite file of one operator with its constants; its activation becomes the model's input.

    Args:
        model: the whole network; stays as it is.
        subgraph, operator: where the operator is.
        shapes: of tensors, by subgraph and index, where they differ from those of the file.
    """
    source = model.subgraphs[subgraph]
    original = source.operators[operator]
    single = copy.copy(original)
    single.opcodeIndex = 0
    single.inputs, single.outputs = (
        flatbuffer.indices(original.inputs),
        flatbuffer.indices(original.outputs),
    )
    is_transposed = flatbuffer.operator_name(model, original) == "TRANSPOSE_CONV"
    tensors: list[schema.TensorT] = []
    buffers = [schema.BufferT()]
    for indices in (single.inputs, single.outputs):
        for position, index in enumerate(indices):
            if index == -1:  # an optional input left out
                continue
            tensor = copy.copy(source.tensors[index])
            shape = (shapes or {}).get((subgraph, index))
            if shape is not None:
                tensor.shape, tensor.shapeSignature = np.array(shape, np.int32), None
            buffers.append(model.buffers[tensor.buffer])
            tensor.buffer = len(buffers) - 1
            indices[position] = len(tensors)
            tensors.append(tensor)
    if is_transposed:  # its first input is the shape of its output
        sizes = np.array(flatbuffer.indices(tensors[single.outputs[0]].shape), "<i4")
        shape = tensors[single.inputs[0]]
        shape.buffer = len(buffers)
        buffers.append(schema.BufferT(data=np.frombuffer(sizes.tobytes(), np.uint8)))
    activation = single.inputs[2 if is_transposed else 0]
    return flatbuffer.serialize(
        schema.ModelT(
            version=_SCHEMA_VERSION,
            operatorCodes=[model.operatorCodes[original.opcodeIndex]],
            subgraphs=[
                schema.SubGraphT(
                    tensors=tensors,
                    inputs=np.array([activation], np.int32),
                    outputs=np.array(single.outputs, np.int32),
                    operators=[single],
                )
            ],
            buffers=buffers,
        )
    )


def single_convolution(
    weights: npt.NDArray[np.float32], height: int, width: int, stride: int = 1, same: bool = True
) -> bytes:
    """A model of one CONV_2D with a bias of zeros, for batches of one.

    Args:
        weights: float32 [out_channels, kernel_h, kernel_w, in_channels].
        height, width: of the input.
        stride: in both directions.
        same: pad as SAME does, otherwise not at all.
    """
    channels, kernel_h, kernel_w, in_channels = weights.shape
    reach = (0, 0) if same else (kernel_h - 1, kernel_w - 1)
    output = [
        1,
        -(-(height - reach[0]) // stride),
        -(-(width - reach[1]) // stride),
        channels,
    ]
    options = schema.Conv2DOptionsT(
        padding=schema.Padding.SAME if same else schema.Padding.VALID,
        strideH=stride,
        strideW=stride,
    )
    return _model(
        weights,
        [1, height, width, in_channels],
        output,
        schema.BuiltinOperator.CONV_2D,
        schema.BuiltinOptions.Conv2DOptions,
        options,
    )


def single_fully_connected(weights: npt.NDArray[np.float32]) -> bytes:
    """A model of one FULLY_CONNECTED with a bias of zeros and one row.

    Args:
        weights: float32 [out_channels, in_channels].
    """
    return _model(
        weights,
        [1, weights.shape[1]],
        [1, weights.shape[0]],
        schema.BuiltinOperator.FULLY_CONNECTED,
        schema.BuiltinOptions.FullyConnectedOptions,
        schema.FullyConnectedOptionsT(),
    )


def _model(
    weights: npt.NDArray[np.float32],
    input_shape: list[int],
    output_shape: list[int],
    code: int,
    options_type: int,
    options: Any,
) -> bytes:
    bias = np.zeros(weights.shape[0], np.float32)
    tensors = [
        schema.TensorT(shape=shape, type=schema.TensorType.FLOAT32, name=name, buffer=buffer)
        for name, shape, buffer in (
            ("input", input_shape, 0),
            ("weights", list(weights.shape), 1),
            ("bias", [bias.size], 2),
            ("output", output_shape, 0),
        )
    ]
    operator = schema.OperatorT(
        opcodeIndex=0,
        inputs=[0, 1, 2],
        outputs=[3],
        builtinOptions=options,
        builtinOptionsType=options_type,
    )
    data = [np.frombuffer(np.ascontiguousarray(each), np.uint8) for each in (weights, bias)]
    return flatbuffer.serialize(
        schema.ModelT(
            version=_SCHEMA_VERSION,
            operatorCodes=[schema.OperatorCodeT(builtinCode=code, deprecatedBuiltinCode=code)],
            subgraphs=[
                schema.SubGraphT(tensors=tensors, inputs=[0], outputs=[3], operators=[operator])
            ],
            buffers=[schema.BufferT(), *(schema.BufferT(data=each) for each in data)],
        )
    )
