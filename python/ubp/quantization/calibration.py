# SPDX-License-Identifier: Apache-2.0
"""The ranges of a model of which some layers stay float.

TensorFlow's own calibration leaves no choice of layers. A copy of the model with ranges in its
graph, as training for int8 has them, measures them instead; the file is then made of that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras

from ubp.data import Samples
from ubp.pruning.cloning.quantizing import check_quantizable, quantized
from ubp.pruning.cloning.stripping import without_wrappers
from ubp.pruning.layers.fake_quantization import LearnedRange
from ubp.pruning.layers.walking import iterate_layers
from ubp.pruning.settings.quantize_aware import QuantizeAware


def calibrated(model: keras.Model, settings: QuantizeAware, samples: Samples) -> keras.Model:
    """A copy of ordinary layers, kernels rounded, with `FakeQuantize` layers.

    A range is that of the least and the largest value that a tensor has for any of the samples,
    whatever the momentum of the settings.

    Raises:
        TypeError, ValueError: as `check_quantizable`.
    """
    check_quantizable(model, settings, "quantize")
    copy = quantized(model, settings)
    with _calibrating([each for each in iterate_layers(copy) if isinstance(each, LearnedRange)]):
        for batch in samples:
            copy(_given(copy, batch), training=False)
    return without_wrappers(copy)


@contextmanager
def _calibrating(ranges: Sequence[LearnedRange]) -> Iterator[None]:
    for each in ranges:
        each.is_calibrating = True
    try:
        yield
    finally:
        for each in ranges:
            each.is_calibrating = False


def _given(model: keras.Model, batch: Sequence[Any]) -> Any:
    """The arrays in the structure that a functional model takes."""
    return keras.tree.pack_sequence_as(model.input, list(batch))
