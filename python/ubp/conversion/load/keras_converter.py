# SPDX-License-Identifier: Apache-2.0
"""TensorFlow's converter of Keras models, in the shortest way that a model allows.

By itself it writes a Keras model as a SavedModel and loads that again, which takes it three
quarters of its time. Only what is more than operators and weights needs it: control flow,
functions, state. Of other models the weights are made constants at once; what the file then lacks
is the signature and the names that belong to it.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from ubp.conversion.load.keras_packages import import_tensorflow, keras_of
from ubp.tflite import flatbuffer

Arrays = dict[str, npt.NDArray[np.generic]]

# Operators with state that is none for an inference: inputs, and weights that are only read.
_STATELESS = {"Placeholder", "ReadVariableOp", "VarHandleOp"}
# Of weights: constants are copied more often than what is saved, in time and memory.
_MOST_WEIGHTS = 2**26
_SIGNATURE = "serving_default"  # what TensorFlow calls the one signature of a Keras model


class KerasConverter:
    """TensorFlow's converter of one Keras model; a batch that the model leaves open stays so.

    Attributes:
        options: the tf.lite.TFLiteConverter, whose options may be set before `convert`.
    """

    def __init__(self, model: Any, source: str) -> None:
        """Trace the model.

        Args:
            model: built, of either package, on TensorFlow, without wrappers for training only.
            source: what to call it in an error.
        """
        self._source = source
        self._function = _plain_function(model)
        converters = import_tensorflow().lite.TFLiteConverter
        if self._function is None:
            self.options = converters.from_keras_model(model)
        else:
            self.options = converters.from_concrete_functions([self._function], model)
            self.options.experimental_lower_to_saved_model = False

    def measure_ranges(self, batches: Callable[[], Iterable[Arrays]]) -> None:
        """Have the ranges of tensors measured.

        Args:
            batches: the inputs by their names, each time it is called.
        """
        names = None if self._function is None else _input_names(self._function)

        def feeds() -> Iterator[Any]:
            for arrays in batches():
                if names is not None:
                    yield [arrays[name] for name in names]
                else:
                    yield arrays if len(arrays) > 1 else list(arrays.values())

        self.options.representative_dataset = feeds

    def convert(self) -> bytes:
        """The .tflite file.

        Raises:
            ValueError: if there can be none, naming the operators in its way.
        """
        data = run_converter(self.options, self._source)
        if self._function is None:
            return data
        return _with_signature(data, self._function, self._source)


def check_built(model: Any) -> None:
    """Refuse a model without weights.

    Raises:
        ValueError: naming it.
    """
    if not model.built:
        raise ValueError(
            f"Keras model '{model.name}' is not built; give it an Input layer, or call it once."
        )


def with_static_batch(model: Any, batch: int) -> Any:
    """The Keras model with its batch size fixed if it is unknown.

    Subclassed models have no symbolic inputs to replace: the converter takes them as they are.
    """
    package = keras_of(model)
    if package is None or not getattr(model, "inputs", None):
        return model
    if all(tensor.shape[0] is not None for tensor in model.inputs):
        return model

    def fixed(tensor: Any) -> Any:
        return package.Input(
            batch_shape=(batch, *tensor.shape[1:]), dtype=tensor.dtype, name=tensor.name
        )

    inputs = import_tensorflow().nest.map_structure(fixed, _inputs(model, package))
    wrapped = package.Model(inputs, model(inputs), name=model.name)
    # tf_keras names a signature's outputs after the model's last layers, here the model itself.
    if len(getattr(model, "output_names", ())) == len(wrapped.outputs):
        wrapped.output_names = list(model.output_names)
    return wrapped


def run_converter(converter: Any, source: str) -> bytes:
    """The file that a converter of TensorFlow makes.

    Raises:
        ValueError: if it cannot make one, naming the operators in its way.
    """
    from tensorflow.lite.python.convert_phase import ConverterError

    try:
        with contextlib.redirect_stdout(io.StringIO()):  # Keras prints what it exports
            data: bytes = converter.convert()
    except ConverterError as error:
        culprits = sorted({each.operator.name for each in error.errors} - {""})
        named = f" ({', '.join(culprits)})" if culprits else ""
        raise ValueError(
            f"{source}: TensorFlow's converter cannot convert it{named}; make a .tflite file with "
            "tf.lite.TFLiteConverter, which has options for such operators, and convert that."
        ) from error
    return data


def _plain_function(model: Any) -> Any:
    """The inference of a Keras model as a function of TensorFlow, if that is all there is to it.

    Args:
        model: a built model of Keras 3 on TensorFlow, without wrappers that are for training only.

    Returns:
        The concrete function; None for a subclassed model, one of tf_keras, one of very many
        weights, and one whose graph is more than operators and weights.
    """
    package = keras_of(model)
    if package is None or package.__name__ != "keras":
        return None
    if not isinstance(model, package.Sequential) and not _is_functional(model):
        return None
    if model.count_params() > _MOST_WEIGHTS:
        return None
    tensorflow = import_tensorflow()
    specs = tensorflow.nest.map_structure(
        lambda each: tensorflow.TensorSpec(each.shape, each.dtype, name=each.name),
        _inputs(model, package),
    )
    infer = tensorflow.function(
        partial(model.__call__, training=False), input_signature=[specs], autograph=False
    )
    function = infer.get_concrete_function()
    return function if _is_plain(function) else None


def _with_signature(data: bytes, function: Any, source: str) -> bytes:
    """The file of a plain function, with the signature and names of one of a SavedModel."""
    tree = flatbuffer.parse(data, source)
    graph = tree.subgraphs[0]
    inputs = _input_names(function)
    outputs = _output_names(function)
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


def _inputs(model: Any, package: ModuleType) -> Any:
    """A Sequential model has one input; only functional models have a structure of them."""
    return model.inputs[0] if isinstance(model, package.Sequential) else model.input


def _is_functional(model: Any) -> bool:
    from keras.src.models import Functional

    return isinstance(model, Functional)


def _is_plain(function: Any) -> bool:
    """Whether plain operations compute all outputs."""
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


def _input_names(function: Any) -> list[str]:
    specs = import_tensorflow().nest.flatten(function.structured_input_signature)
    return [spec.name for spec in specs]


def _output_names(function: Any) -> list[str]:
    """As TensorFlow names the outputs of a signature: by their keys, if they have only these."""
    outputs = function.structured_outputs
    if isinstance(outputs, dict) and len(outputs) == len(function.outputs):
        return sorted(outputs)
    return [f"output_{i}" for i in range(len(function.outputs))]


def _tensor_maps(names: list[str], indices: Any) -> list[schema.TensorMapT]:
    return [schema.TensorMapT(*each) for each in zip(names, map(int, indices), strict=True)]
