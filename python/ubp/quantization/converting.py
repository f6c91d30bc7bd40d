# SPDX-License-Identifier: Apache-2.0
"""TensorFlow's converter, and what it is told: int8, or weights alone."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

from ubp.conversion.load.keras_packages import import_tensorflow, reason_of
from ubp.conversion.load.loader import keras_converter, run_converter
from ubp.data import Samples
from ubp.quantization.source import Source


def float_file(source: Source) -> bytes:
    """The file without quantisation."""
    return run_converter(keras_converter(source.model, source.batch), source.name)


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
        converter.representative_dataset = lambda: _feeds(samples.batched(source.batch))
        sets = tensorflow.lite.OpsSet
        converter.target_spec.supported_ops = [sets.TFLITE_BUILTINS_INT8, sets.TFLITE_BUILTINS]
    kind = {"int8": tensorflow.int8, "float32": tensorflow.float32}[io]
    converter.inference_input_type = converter.inference_output_type = kind
    return _run(converter, source.name)


def weights_file(source: Source) -> bytes:
    """A file with int8 weights, whose operators round their float inputs as they run."""
    return _run(_optimizing(source), source.name)


def _optimizing(source: Source) -> Any:
    converter = keras_converter(source.model, source.batch)
    converter.optimizations = [import_tensorflow().lite.Optimize.DEFAULT]
    return converter


def _feeds(samples: Samples) -> Iterator[Any]:
    """Whole batches, as the converter takes them: by name where there are several inputs."""
    names = [each.name for each in samples.inputs]
    for batch in samples:
        if len(batch[0]) == samples.batch_size:
            yield dict(zip(names, batch, strict=True)) if len(batch) > 1 else list(batch)


def _run(converter: Any, name: str) -> bytes:
    with warnings.catch_warnings():
        # Of statistics that a model trained for int8 does not need, and of TensorFlow's own calls.
        warnings.filterwarnings("ignore", module=r"tensorflow\.lite")
        try:
            return run_converter(converter, name)
        except RuntimeError as error:
            raise ValueError(
                f"{name}: TensorFlow's converter cannot quantise it: {reason_of(error)}."
            ) from error
