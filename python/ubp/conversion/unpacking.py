"""Unpack: a converted model back into a standard .tflite file that runs anywhere, without us."""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from ubp.conversion.find import PACKED_SUFFIX, Layer, find_layers
from ubp.conversion.load.files import Model, tflite_of
from ubp.format import (
    CONV_2D,
    FULLY_CONNECTED,
    Attributes,
    Conv2DAttributes,
    FullyConnectedAttributes,
)
from ubp.lanes import from_lanes
from ubp.tflite import flatbuffer
from ubp.tflite.archive import append_archive
from ubp.tflite.constant_tensors import shape_of
from ubp.tflite.unused import remove_unused

# Our operators -> the built-in ones, with the first version that has all the options we keep.
_BUILTINS = {
    CONV_2D: (schema.BuiltinOperator.CONV_2D, 1),
    FULLY_CONNECTED: (schema.BuiltinOperator.FULLY_CONNECTED, 5),
}


def unpack(model: Model) -> bytes:
    """Turn every UbpConv2D and UbpFullyConnected back into CONV_2D and FULLY_CONNECTED.

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
        raise ValueError(f"{source}: has no UbpConv2D or UbpFullyConnected, nothing to unpack.")
    tensors: dict[tuple[int, int], int] = {}
    for layer in layers:
        _restore(tree, layer, tensors)
    remove_unused(tree, tensors)
    for code in tree.operatorCodes:
        if flatbuffer.code_name(code) in _BUILTINS:
            _make_builtin(code)
    return append_archive(flatbuffer.serialize(tree), data)


def _restore(model: schema.ModelT, layer: Layer, tensors: dict[tuple[int, int], int]) -> None:
    """Put the built-in operator in place; `tensors`: packed tensor (as released) -> dense one."""
    assert layer.packed is not None
    subgraph = model.subgraphs[layer.subgraph]
    operator = subgraph.operators[layer.operator]
    activation, packed, bias = flatbuffer.indices(operator.inputs)
    key = (layer.subgraph, packed)
    if key not in tensors:
        dense = from_lanes(layer.packed.weights(), layer.shape, 0)
        tensors[key] = _dense_tensor(subgraph, packed, layer)
        model.buffers.append(
            schema.BufferT(data=np.frombuffer(np.ascontiguousarray(dense), np.uint8))
        )
        subgraph.tensors[tensors[key]].buffer = len(model.buffers) - 1
    inputs = [activation, tensors[key], *([] if bias == -1 else [bias])]
    operator.inputs = np.array(inputs, np.int32)
    operator.customOptions = None
    operator.builtinOptionsType, operator.builtinOptions = _builtin_options(layer.packed.attributes)


def _dense_tensor(subgraph: schema.SubGraphT, packed: int, layer: Layer) -> int:
    """The float32 tensor that the conversion has emptied, found by its name; else a new one."""
    name = flatbuffer.text(subgraph.tensors[packed].name).removesuffix(PACKED_SUFFIX)
    for index, tensor in enumerate(subgraph.tensors):
        if (
            flatbuffer.text(tensor.name) == name
            and tensor.type == schema.TensorType.FLOAT32
            and tensor.buffer == flatbuffer.NO_BUFFER
            and shape_of(tensor) == layer.shape
            and index not in flatbuffer.producers(subgraph)
        ):
            return index
    subgraph.tensors.append(
        schema.TensorT(
            shape=np.array(layer.shape, np.int32),
            type=schema.TensorType.FLOAT32,
            name=name,
            hasRank=True,
        )
    )
    return len(subgraph.tensors) - 1


def _builtin_options(attributes: Attributes) -> tuple[int, Any]:
    """The kind of a built-in operator's options, and the options."""
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
