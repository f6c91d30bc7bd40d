# SPDX-License-Identifier: Apache-2.0
"""Unpack: a converted model back into a standard .tflite file that runs anywhere, without us."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from ubp.conversion import transposed
from ubp.conversion.channel_scales import restore_bias_scales, restore_weight_scales
from ubp.conversion.find import (
    PACKED_SUFFIX,
    WEIGHT_TYPES,
    Layer,
    dense_tensor,
    find_layers,
)
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

_BUILTINS = {
    CONV_2D: schema.BuiltinOperator.CONV_2D,
    FULLY_CONNECTED: schema.BuiltinOperator.FULLY_CONNECTED,
    TRANSPOSE_CONV_2D: schema.BuiltinOperator.TRANSPOSE_CONV,
}
# The first versions of the built-in operators that have all the options we keep, and those that
# take int8 weights with a scale for each channel as well.
_VERSIONS = {CONV_2D: 1, FULLY_CONNECTED: 5, TRANSPOSE_CONV_2D: 4}
_INT8_VERSIONS = {CONV_2D: 5, FULLY_CONNECTED: 12, TRANSPOSE_CONV_2D: 4}


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
        A .tflite file of built-in operators. Its weights equal those that were converted: to the
        bit where they are stored as f32 (a zero is always +0), or were int8; rounded where they are
        stored as f16, bf16 or i8. They are float32, or int8 if they were.

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
    is_int8 = any(layer.packed.scales is not None for layer in layers if layer.packed is not None)
    # An operator's number holds as long as none is added.
    operators = [tree.subgraphs[layer.subgraph].operators[layer.operator] for layer in layers]
    for operator, layer in zip(operators, layers, strict=True):
        _restore(tree, layer, operator, tensors)
    remove_unused(tree, tensors)
    for code in tree.operatorCodes:
        if flatbuffer.code_name(code) in _BUILTINS:
            _make_builtin(code, _INT8_VERSIONS if is_int8 else _VERSIONS)
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
        tensors[key] = _restored_weights(model, layer, inputs.weights)
    bias = inputs.bias
    if bias != -1 and layer.is_int8:
        assert packed.scales is not None
        subgraph = model.subgraphs[layer.subgraph]
        restore_bias_scales(subgraph, inputs.activation, bias, packed.scales)
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
    weights = model.subgraphs[layer.subgraph].tensors[tensors[key]]
    if layer.op == FULLY_CONNECTED and weights.type == schema.TensorType.INT8 and not layer.is_int8:
        # How the activations are quantised is not kept; this is how TensorFlow's converter has it.
        operator.builtinOptions.asymmetricQuantizeInputs = True


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


def _restored_weights(model: schema.ModelT, layer: Layer, packed: int) -> int:
    """The tensor of a layer's weights as the built-in operator has them.

    That is int8 where it was: the tensor that the conversion has emptied says so.
    """
    assert layer.packed is not None
    subgraph = model.subgraphs[layer.subgraph]
    is_int8 = layer.is_int8
    types = WEIGHT_TYPES if not is_int8 else (schema.TensorType.INT8,)
    emptied = dense_tensor(subgraph, packed, [layer.shape], types)
    if emptied != -1:
        is_int8 = subgraph.tensors[emptied].type == schema.TensorType.INT8
    if is_int8 and layer.packed.scales is None:
        raise ValueError(
            f"{layer.op}: tensor '{layer.name}' is INT8, the packed weights are not; the file was "
            "not written by ubp convert."
        )
    matrix = layer.packed.stored() if is_int8 else layer.packed.weights()
    values = _dense_form(layer, matrix)
    restored = emptied if emptied != -1 else _new_tensor(subgraph, packed, values)
    _store(model, subgraph.tensors[restored], values)
    if is_int8:
        assert layer.packed.scales is not None
        pixels = layer.packed.attributes.groups  # of which each has the same scales
        scales = layer.packed.scales[: layer.packed.scales.size // pixels]
        restore_weight_scales(subgraph.tensors[restored], scales)
    return restored


def _dense_form(layer: Layer, matrix: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Weights [lanes, channels] in the shape that the built-in operator has."""
    assert layer.packed is not None
    attributes = layer.packed.attributes
    if isinstance(attributes, TransposeConv2DAttributes):
        return transposed.from_phases(matrix, attributes, (layer.shape[1], layer.shape[2]))
    return from_lanes(matrix, layer.shape, 0)


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
        emptied = dense_tensor(subgraph, bias, [(channels,)], (schema.TensorType.FLOAT32,))
        tensors[key] = emptied if emptied != -1 else _new_tensor(subgraph, bias, values[0])
        _store(model, subgraph.tensors[tensors[key]], values[0])
    return tensors[key]


def _new_tensor(subgraph: schema.SubGraphT, packed: int, values: npt.NDArray[Any]) -> int:
    """A tensor for values, named as the one that `packed` stands for."""
    is_int8 = values.dtype == np.int8
    tensor = schema.TensorT(
        shape=np.array(values.shape, np.int32),
        type=schema.TensorType.INT8 if is_int8 else schema.TensorType.FLOAT32,
        name=flatbuffer.text(subgraph.tensors[packed].name).removesuffix(PACKED_SUFFIX),
        hasRank=True,
    )
    subgraph.tensors.append(tensor)
    return len(subgraph.tensors) - 1


def _store(model: schema.ModelT, tensor: schema.TensorT, values: npt.NDArray[Any]) -> None:
    data = np.frombuffer(np.ascontiguousarray(values), np.uint8)
    model.buffers.append(schema.BufferT(data=data))
    tensor.buffer = len(model.buffers) - 1


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


def _make_builtin(code: schema.OperatorCodeT, versions: dict[str, int]) -> None:
    """Turn the entry of one of our operators into the built-in's; its operators all went before."""
    name = flatbuffer.code_name(code)
    code.builtinCode = code.deprecatedBuiltinCode = _BUILTINS[name]
    code.customCode = None
    code.version = versions[name]
