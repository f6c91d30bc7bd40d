"""Unpack: a converted model back into a standard .tflite file that runs anywhere, without us."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from ubp.conversion import transposed
from ubp.conversion.find import PACKED_SUFFIX, Layer, dense_tensor, find_layers
from ubp.conversion.load.files import Model, tflite_of
from ubp.conversion.operator_view import inputs_of
from ubp.conversion.output_shape import Line, write_output_shape
from ubp.format import (
    CONV_2D,
    FULLY_CONNECTED,
    OP_NAMES,
    TRANSPOSE_CONV_2D,
    Conv2DAttributes,
    FullyConnectedAttributes,
    TransposeConv2DAttributes,
)
from ubp.lanes import from_lanes
from ubp.tflite import flatbuffer
from ubp.tflite.archive import append_archive
from ubp.tflite.constant_tensors import read_constant, shape_of
from ubp.tflite.unused import remove_unused

# Our operators -> the built-in ones, with the first version that has all the options we keep.
_BUILTINS = {
    CONV_2D: (schema.BuiltinOperator.CONV_2D, 1),
    FULLY_CONNECTED: (schema.BuiltinOperator.FULLY_CONNECTED, 5),
    TRANSPOSE_CONV_2D: (schema.BuiltinOperator.TRANSPOSE_CONV, 4),
}


def unpack(model: Model) -> bytes:
    """Turn every operator of ours back into CONV_2D, FULLY_CONNECTED or TRANSPOSE_CONV.

        >>> import keras
        >>> import ubp
        >>> model = keras.Sequential([keras.Input((256,)), keras.layers.Dense(64, name="hidden")])
        >>> pruned = ubp.strip(ubp.prune(model, ubp.ConstantSparsity(0.9), layers="hidden"))
        >>> standard = ubp.unpack(ubp.convert(pruned).model)
        >>> [layer.op for layer in ubp.convert(standard).report]
        ['FULLY_CONNECTED']

    Args:
        model: the path of a converted .tflite file, or its bytes.

    Returns:
        A .tflite file of built-in operators. Its weights are float32 and equal to those that were
        converted: to the bit where they are stored as f32 (a zero is always +0), rounded where they
        are stored as f16 or bf16.

    Raises:
        ValueError: if it is no .tflite file or one that has no operator of ours, or is damaged.
        FileNotFoundError: if the path does not exist.
    """
    data, source = tflite_of(model)
    tree = flatbuffer.parse(data, source)
    layers = [layer for layer in find_layers(tree) if layer.packed is not None]
    if not layers:
        raise ValueError(f"{source}: has none of {', '.join(OP_NAMES)}: nothing to unpack.")
    tensors: dict[tuple[int, int], int] = {}
    # An operator's number holds as long as none is added.
    operators = [tree.subgraphs[layer.subgraph].operators[layer.operator] for layer in layers]
    for operator, layer in zip(operators, layers, strict=True):
        _restore(tree, layer, operator, tensors)
    remove_unused(tree, tensors)
    for code in tree.operatorCodes:
        if flatbuffer.code_name(code) in _BUILTINS:
            _make_builtin(code)
    return append_archive(flatbuffer.serialize(tree), data)


def _restore(
    model: schema.ModelT,
    layer: Layer,
    operator: schema.OperatorT,
    tensors: dict[tuple[int, int], int],
) -> None:
    """Put the built-in operator in place; `tensors`: packed tensor (as released) -> dense one."""
    packed = layer.packed
    assert packed is not None
    inputs = inputs_of(layer.op, operator)
    key = (layer.subgraph, inputs.weights)
    if key not in tensors:
        tensors[key] = _restored(model, layer, inputs.weights, _dense_weights(layer), layer.shape)
    bias = inputs.bias
    if bias != -1 and layer.op == TRANSPOSE_CONV_2D:
        bias = _restored_bias(model, layer, bias, tensors)
    restored = [inputs.activation, tensors[key], *([] if bias == -1 else [bias])]
    if layer.op == TRANSPOSE_CONV_2D:
        lines = _output_shape(model, layer, operator)
        subgraph = model.subgraphs[layer.subgraph]
        shape = write_output_shape(model, subgraph, operator, inputs.activation, lines)
        restored = [shape, tensors[key], inputs.activation, *([] if bias == -1 else [bias])]
    operator.inputs = np.array(restored, np.int32)
    operator.customOptions = None
    operator.builtinOptionsType, operator.builtinOptions = _builtin_options(layer)


def _output_shape(model: schema.ModelT, layer: Layer, operator: schema.OperatorT) -> list[Line]:
    """The sizes that come out of a transposed convolution, of those of its input that are open."""
    assert layer.packed is not None
    subgraph = model.subgraphs[layer.subgraph]
    activation = subgraph.tensors[inputs_of(layer.op, operator).activation]
    batch, *sizes = shape_of(activation)[:3]
    lines = [Line(1, 0) if _may_vary(subgraph, activation, 0) else Line(0, batch)]
    axes = transposed.axes_of(layer.packed.attributes)
    for number, (axis, size) in enumerate(zip(axes, sizes, strict=True), start=1):
        output = transposed.output_size(axis, size)
        if _may_vary(subgraph, activation, number):
            lines.append(Line(axis.stride, output - axis.stride * size, number))
        else:
            lines.append(Line(0, output))
    return [*lines, Line(0, layer.shape[0])]


def _may_vary(subgraph: schema.SubGraphT, tensor: schema.TensorT, axis: int) -> bool:
    """Whether the size of a tensor may depend on sizes that the inputs leave open."""
    signature = flatbuffer.indices(tensor.shapeSignature)
    if signature:
        return axis >= len(signature) or signature[axis] == -1
    inputs = [subgraph.tensors[index] for index in flatbuffer.indices(subgraph.inputs)]
    first = min(axis, 1)  # a batch that is open opens no other size
    return any(-1 in flatbuffer.indices(each.shapeSignature)[first:] for each in inputs)


def _dense_weights(layer: Layer) -> npt.NDArray[np.float32]:
    """A layer's weights as the built-in operator has them."""
    packed = layer.packed
    assert packed is not None
    if isinstance(packed.attributes, TransposeConv2DAttributes):
        kernel = (layer.shape[1], layer.shape[2])
        return transposed.from_phases(packed.weights(), packed.attributes, kernel)
    return from_lanes(packed.weights(), layer.shape, 0)


def _restored_bias(
    model: schema.ModelT, layer: Layer, bias: int, tensors: dict[tuple[int, int], int]
) -> int:
    """The bias of a transposed convolution: once, where the pixels of its blocks repeat it."""
    subgraph, channels = model.subgraphs[layer.subgraph], layer.shape[0]
    key = (layer.subgraph, bias)
    if shape_of(subgraph.tensors[bias]) == (channels,):
        return bias
    if key not in tensors:
        producers = flatbuffer.producers(subgraph)
        values = read_constant(model, subgraph, producers, bias).reshape(-1, channels)
        if np.any(values.view(np.uint32) != values[0].view(np.uint32)):
            raise ValueError(
                f"{layer.op}: its bias differs between the pixels of a block, which no "
                "TRANSPOSE_CONV does; the file was not written by ubp convert."
            )
        tensors[key] = _restored(model, layer, bias, values[0], (channels,))
    return tensors[key]


def _restored(
    model: schema.ModelT,
    layer: Layer,
    packed: int,
    values: npt.NDArray[np.float32],
    shape: tuple[int, ...],
) -> int:
    """The constant that `packed` stands for: the tensor that the conversion has emptied, or new."""
    subgraph = model.subgraphs[layer.subgraph]
    index = dense_tensor(subgraph, packed, [shape])
    if index == -1:
        name = flatbuffer.text(subgraph.tensors[packed].name).removesuffix(PACKED_SUFFIX)
        subgraph.tensors.append(
            schema.TensorT(
                shape=np.array(shape, np.int32),
                type=schema.TensorType.FLOAT32,
                name=name,
                hasRank=True,
            )
        )
        index = len(subgraph.tensors) - 1
    model.buffers.append(schema.BufferT(data=np.frombuffer(np.ascontiguousarray(values), np.uint8)))
    subgraph.tensors[index].buffer = len(model.buffers) - 1
    return index


def _builtin_options(layer: Layer) -> tuple[int, Any]:
    """The kind of a built-in operator's options, and the options."""
    assert layer.packed is not None
    attributes = layer.packed.attributes
    if isinstance(attributes, TransposeConv2DAttributes):
        return schema.BuiltinOptions.TransposeConvOptions, schema.TransposeConvOptionsT(
            padding=layer.padding,
            strideH=attributes.block_h,
            strideW=attributes.block_w,
            fusedActivationFunction=attributes.activation,
        )
    if isinstance(attributes, Conv2DAttributes):
        return schema.BuiltinOptions.Conv2DOptions, schema.Conv2DOptionsT(
            padding=attributes.padding,
            strideH=attributes.stride_h,
            strideW=attributes.stride_w,
            dilationHFactor=attributes.dilation_h,
            dilationWFactor=attributes.dilation_w,
            fusedActivationFunction=attributes.activation,
        )
    assert isinstance(attributes, FullyConnectedAttributes)
    return schema.BuiltinOptions.FullyConnectedOptions, schema.FullyConnectedOptionsT(
        keepNumDims=bool(attributes.keep_num_dims),
        fusedActivationFunction=attributes.activation,
    )


def _make_builtin(code: schema.OperatorCodeT) -> None:
    """Turn the entry of one of our operators into the built-in's; its operators all went before."""
    builtin, version = _BUILTINS[flatbuffer.code_name(code)]
    code.builtinCode = code.deprecatedBuiltinCode = builtin
    code.customCode = None
    code.version = version
