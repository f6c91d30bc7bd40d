# SPDX-License-Identifier: Apache-2.0
"""TensorFlow's converter, and what it is told: int8, or weights alone."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

from ubp.conversion.load.keras_converter import (
    Arrays,
    KerasConverter,
    check_built,
    with_static_batch,
)
from ubp.conversion.load.keras_packages import import_tensorflow, reason_of
from ubp.conversion.load.other_backends import backend_of
from ubp.data import Samples
from ubp.quantization.source import Source


def float_file(source: Source) -> bytes:
    """The file without quantisation."""
    return _converter(source).convert()


def int8_file(source: Source, samples: Samples | None, io: str) -> bytes:
    """A file whose operators compute with int8, as far as the converter knows how.

    Args:
        source: a model that knows its ranges, or not.
        samples: to measure ranges by; None for a model that knows them.
        io: type of the inputs and outputs, "int8" or "float32".

    Raises:
        ValueError: if the converter cannot make one.
    """
    tensorflow = import_tensorflow()
    converter = _optimizing(source)
    if samples is not None:
        batches = samples.batched(source.batch)
        converter.measure_ranges(lambda: _whole(batches))
        sets = tensorflow.lite.OpsSet
        converter.options.target_spec.supported_ops = [
            sets.TFLITE_BUILTINS_INT8,
            sets.TFLITE_BUILTINS,
        ]
    kind = {"int8": tensorflow.int8, "float32": tensorflow.float32}[io]
    converter.options.inference_input_type = converter.options.inference_output_type = kind
    return _run(converter, source.name)


def weights_file(source: Source) -> bytes:
    """A file with int8 weights, whose operators round their float inputs as they run."""
    return _run(_optimizing(source), source.name)


def _optimizing(source: Source) -> KerasConverter:
    converter = _converter(source)
    converter.options.optimizations = [import_tensorflow().lite.Optimize.DEFAULT]
    return converter


def _converter(source: Source) -> KerasConverter:
    check_built(source.model)
    if (backend := backend_of(source.model)) != "tensorflow":
        raise ValueError(
            f"Keras model '{source.model.name}' is on {backend}, and TensorFlow's converter takes "
            "models of Keras on TensorFlow alone; save it with model.save(), and load it and call "
            "this in a process with KERAS_BACKEND=tensorflow."
        )
    return KerasConverter(with_static_batch(source.model, source.batch), source.name)


def _whole(samples: Samples) -> Iterator[Arrays]:
    """The whole batches, by the names of inputs."""
    names = [each.name for each in samples.inputs]
    for batch in samples:
        if len(batch[0]) == samples.batch_size:
            yield dict(zip(names, batch, strict=True))


def _run(converter: KerasConverter, name: str) -> bytes:
    with warnings.catch_warnings():
        # Of statistics that a model trained for int8 does not need, and of TensorFlow's own calls.
        warnings.filterwarnings("ignore", module=r"tensorflow\.lite")
        try:
            return converter.convert()
        except RuntimeError as error:
            raise ValueError(
                f"{name}: TensorFlow's converter cannot quantise it: {reason_of(error)}."
            ) from error
