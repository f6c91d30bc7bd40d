# SPDX-License-Identifier: Apache-2.0
"""`quantize`: the public function, and the steps of this package in their order."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from ubp.arguments import check_choice, check_whole
from ubp.data import Preprocessing, Samples, read_samples
from ubp.pruning.settings.quantize_aware import FloatLayers, QuantizeAware
from ubp.quantization.boundaries import remove_boundaries
from ubp.quantization.calibration import calibrated
from ubp.quantization.converting import float_file, int8_file, weights_file
from ubp.quantization.result import QuantizedFile
from ubp.quantization.source import Source, read_source
from ubp.quantization.weights import compare_weights, float_operators
from ubp.tflite import flatbuffer

MODES = ("int8", "weights")
TYPES = ("int8", "float32")
SAMPLES = 512
_SHOWN = 4  # float operators in a warning

_logger = logging.getLogger(__name__)


def quantize(
    model: Any,
    representative_data: Any = None,
    mode: str = "int8",
    *,
    io: str = "int8",
    float_layers: FloatLayers = (),
    samples: int = SAMPLES,
    preprocess: str | Preprocessing | None = None,
    size: tuple[int, int] | None = None,
    seed: int = 0,
) -> QuantizedFile:
    """An int8 .tflite file of a Keras model, by TensorFlow's converter. Its zeros stay zeros.

    To be called on the result of `ubp.strip`. Weights get one scale for each output channel, and
    activations one range for each tensor, which is measured on data, or was learned in training
    (`ubp.QuantizeAware`). Every zero weight of the model is a zero of the file, which is checked;
    see docs/int8.md.

        >>> import keras
        >>> import numpy as np
        >>> import ubp
        >>> layers = [keras.Input((16,)), keras.layers.Dense(32, "relu"), keras.layers.Dense(4)]
        >>> x = np.random.default_rng(0).normal(size=(100, 16)).astype("float32")
        >>> pruned = ubp.strip(ubp.prune(keras.Sequential(layers), ubp.ConstantSparsity(0.75)))
        >>> result = ubp.quantize(pruned, x)
        >>> [(row.op, row.dtype, row.zeros) for row in result.report]
        [('FULLY_CONNECTED', 'int8', 384), ('FULLY_CONNECTED', 'int8', 0)]
        >>> result.float_operators
        []

    Args:
        model: a Keras model (Keras 3; or tf_keras, also one trained with
            tensorflow-model-optimization's quantisation), or the path of a .keras or .h5 file.
            Where it leaves the batch open it is converted for a batch of one.
        representative_data: inputs as the model will see them, some hundred of them: an array, a
            list or dictionary of arrays, an iterable of batches such as a `tf.data.Dataset`, a
            directory of pictures, or files; see `ubp.data.read_samples`, also for `preprocess` and
            `size`. Needed for "int8" unless the model was trained for it; there it is for
            operators whose ranges training could not see.
        mode: "int8": operators compute with int8. "weights": weights are int8, and activations are
            float in the file (the converter leaves weights of less than 1024 values float).
        io: the type of the inputs and outputs of an int8 file: "int8" or "float32". Integers that
            a model takes stay integers.
        float_layers: layers that stay float in an int8 file, with the batch normalisation and
            activation behind them: a name, a pattern such as "block_*", a list of these, or a
            callable layer -> bool. For functional and Sequential models of Keras 3.
        samples: to measure ranges by, at most.
        preprocess, size: of pictures.
        seed: of the draw of samples.

    Returns:
        The file and a report. A warning through `logging` names operators that stay float though
        nobody asked for it.

    Raises:
        ValueError: if an argument, the model or the data is not what is expected, if there is no
            data where some is needed, or if the converter cannot make the file.
        TypeError: if `float_layers` is something else, or given for a subclassed model.
        FileNotFoundError: if a path leads nowhere.
        ImportError: if TensorFlow is not installed, or Pillow for pictures.
    """
    check_choice("mode", mode, MODES)
    check_choice("io", io, TYPES)
    check_whole("samples", samples, 1)
    check_whole("seed", seed, 0)
    settings = QuantizeAware(float_layers=float_layers)
    source = read_source(model)
    if mode == "weights":
        _check_weights_only(source, representative_data, io, float_layers)
        return _result(source, weights_file(source), mode, ())
    _check_ranges(source, representative_data, float_layers)
    read = _read(source, representative_data, samples, preprocess, size, seed)
    if float_layers and read is not None:
        model = calibrated(source.model, settings, read)
        file = int8_file(replace(source, model=model, knows_ranges=True), None, io)
    else:
        file = int8_file(source, read, io)
    return _result(source, file, mode, float_layers)


def _read(
    source: Source,
    data: Any,
    samples: int,
    preprocess: str | Preprocessing | None,
    size: tuple[int, int] | None,
    seed: int,
) -> Samples | None:
    """The samples to measure ranges by; None where no data are given."""
    if data is None:
        if preprocess is not None or size is not None:
            raise ValueError(
                "preprocess and size are for pictures, but there is no representative_data; leave "
                "them out."
            )
        return None
    options: dict[str, Any] = {"preprocess": preprocess, "size": size, "seed": seed}
    read = read_samples(data, source.inputs(), limit=samples, **options).first(samples)
    if len(read) < source.batch:
        raise ValueError(
            f"{source.name} takes {source.batch} samples at once, and representative_data gives "
            f"{len(read)}; expected at least as many, and some hundred for a good result."
        )
    return read


def _check_weights_only(source: Source, data: Any, io: str, float_layers: FloatLayers) -> None:
    """Refuse what mode "weights" has no use for."""
    given = {
        "representative_data": data is not None,
        "io": io != TYPES[0],
        "float_layers": bool(float_layers),
    }
    for name, is_given in given.items():
        if is_given:
            raise ValueError(
                f"{name} is given, but mode='weights' has no use for it: activations stay float; "
                "leave it out, or use mode='int8'."
            )
    if source.knows_ranges:
        raise ValueError(
            f"{source.name} was trained for int8; expected mode='int8', which uses the ranges that "
            "it has learned."
        )


def _check_ranges(source: Source, data: Any, float_layers: FloatLayers) -> None:
    if data is None and not source.knows_ranges:
        raise ValueError(
            f"{source.name}: mode='int8' needs representative_data to measure the ranges of "
            "activations; give some hundred inputs, train the model with ubp.prune(..., "
            "quantize=ubp.QuantizeAware()), or use mode='weights'."
        )
    if float_layers and not source.is_keras_3:
        raise TypeError(
            f"{source.name}: float_layers needs a model of Keras 3; leave it out, or leave these "
            "layers out of what tensorflow-model-optimization quantises."
        )
    if float_layers and source.knows_ranges:
        raise ValueError(
            f"{source.name} was trained for int8, when it was decided which layers stay float; "
            "leave float_layers out, or give it to ubp.QuantizeAware before training."
        )


def _result(source: Source, file: bytes, mode: str, float_layers: FloatLayers) -> QuantizedFile:
    """The file without boundaries, compared with the float one."""
    tree = flatbuffer.parse(file, source.name)
    if mode == "int8":
        remove_boundaries(tree)
        file = flatbuffer.serialize(tree)
    report = compare_weights(flatbuffer.parse(float_file(source), source.name), tree, source.name)
    floats = float_operators(tree) if mode == "int8" else []
    if floats and not float_layers:
        more = f" and {len(floats) - _SHOWN} more" if len(floats) > _SHOWN else ""
        _logger.warning(
            "%s: %d operators stay float: %s%s; representative_data measures ranges that training "
            "could not see, and some operators have no int8 kernel.",
            source.name,
            len(floats),
            ", ".join(floats[:_SHOWN]),
            more,
        )
    return QuantizedFile(file, mode, report, floats)
