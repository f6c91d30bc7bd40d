# SPDX-License-Identifier: Apache-2.0
"""Keras models of operators and weights alone, converted without being saved first.

TensorFlow's converter writes a Keras model as a SavedModel and loads that again, which takes it
three quarters of its time. Only what is more than operators and weights needs it: control flow,
functions, state. Of other models the weights are made constants at once; what the file then lacks
is the signature and the names that belong to it.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from ubp.conversion.load.keras_packages import import_tensorflow, keras_of
from ubp.tflite import flatbuffer

# Operators with state that is none for an inference: inputs, and weights that are only read.
_STATELESS = {"Placeholder", "ReadVariableOp", "VarHandleOp"}
_SIGNATURE = "serving_default"  # what TensorFlow calls the one signature of a Keras model


def plain_function(model: Any) -> Any:
    """The inference of a Keras model as a function of TensorFlow, if that is all there is to it.

    Args:
        model: a built model of Keras 3 on TensorFlow, without wrappers that are for training only.

    Returns:
        The concrete function; None for a subclassed model, one of tf_keras, and one whose graph is
        more than operators and weights or whose outputs are no list or dictionary of tensors.
    """
    package = keras_of(model)
    if package is None or package.__name__ != "keras":
        return None
    if not isinstance(model, package.Sequential) and not _is_functional(model):
        return None
    tensorflow = import_tensorflow()
    # A Sequential model has one input; only functional models have a structure of them.
    structure = model.inputs[0] if isinstance(model, package.Sequential) else model.input
    specs = tensorflow.nest.map_structure(
        lambda each: tensorflow.TensorSpec(each.shape, each.dtype, name=each.name), structure
    )
    infer = tensorflow.function(
        partial(model.__call__, training=False), input_signature=[specs], autograph=False
    )
    function = infer.get_concrete_function()
    return function if _is_plain(function) else None


def plain_converter(function: Any, model: Any) -> Any:
    """TensorFlow's converter of what `plain_function` has returned."""
    converter = import_tensorflow().lite.TFLiteConverter.from_concrete_functions([function], model)
    converter.experimental_lower_to_saved_model = False
    return converter


def with_signature(data: bytes, function: Any, source: str) -> bytes:
    """The file of `plain_converter`, with the signature and names of one of a SavedModel.

    Args:
        data: the .tflite file.
        function: that was converted.
        source: what to call the model in an error.
    """
    tree = flatbuffer.parse(data, source)
    graph = tree.subgraphs[0]
    inputs = [
        spec.name for spec in import_tensorflow().nest.flatten(function.structured_input_signature)
    ]
    outputs = _output_names(function.structured_outputs)
    for index, name in zip(graph.inputs, inputs, strict=True):
        graph.tensors[index].name = f"{_SIGNATURE}_{name}:0"
    for position, index in enumerate(graph.outputs):
        graph.tensors[index].name = f"StatefulPartitionedCall_1:{position}"
    tree.signatureDefs = [
        schema.SignatureDefT(
            _tensor_maps(inputs, graph.inputs), _tensor_maps(outputs, graph.outputs), _SIGNATURE, 0
        )
    ]
    return flatbuffer.serialize(tree)


def _is_functional(model: Any) -> bool:
    from keras.src.models import Functional

    return isinstance(model, Functional)


def _is_plain(function: Any) -> bool:
    """Whether each output is a tensor by itself that plain operations have computed."""
    is_tensor = import_tensorflow().is_tensor
    outputs = function.structured_outputs
    outputs = list(outputs.values()) if isinstance(outputs, dict) else outputs
    if isinstance(outputs, list | tuple) and not all(map(is_tensor, outputs)):
        return False
    if any(
        source.op.type == "Placeholder" for each in function.outputs for source in each.op.inputs
    ):
        return False  # an input, which has one name in a signature
    return all(map(_is_plain_operation, function.graph.get_operations()))


def _is_plain_operation(operation: Any) -> bool:
    """Whether an operation of a graph computes outputs from inputs, and by itself."""
    definition = operation.op_def
    takes_functions = any(each.type in ("func", "list(func)") for each in definition.attr)
    return not takes_functions and (not definition.is_stateful or operation.type in _STATELESS)


def _output_names(outputs: Any) -> list[str]:
    """As TensorFlow names the outputs of a signature."""
    if isinstance(outputs, dict):
        return sorted(outputs)
    return [f"output_{i}" for i in range(len(outputs) if isinstance(outputs, list | tuple) else 1)]


def _tensor_maps(names: list[str], indices: Any) -> list[schema.TensorMapT]:
    return [schema.TensorMapT(*each) for each in zip(names, map(int, indices), strict=True)]
