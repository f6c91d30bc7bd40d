# SPDX-License-Identifier: Apache-2.0
"""Models of tf_keras, pruned and then trained for int8 with tensorflow-model-optimization."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow_model_optimization as tfmot
import tf_keras
from quantization_models import SHAPE, data, is_all_int8

import ubp

layers = tf_keras.layers


@pytest.fixture(scope="module")
def pruned() -> Any:
    """80% zeros, in single weights."""
    inputs = layers.Input(SHAPE)
    x = layers.Conv2D(32, 3, padding="same", use_bias=False, name="conv")(inputs)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.DepthwiseConv2D(3, padding="same")(x)
    x = layers.Conv2D(32, 1, activation="relu", name="point")(x)
    x = layers.Dense(10, name="classifier")(layers.GlobalAveragePooling2D()(x))
    sparsity = tfmot.sparsity.keras
    schedule = sparsity.ConstantSparsity(0.8, 0, frequency=1)
    model = sparsity.prune_low_magnitude(tf_keras.Model(inputs, x), schedule)
    _fit(model, [sparsity.UpdatePruningStep()])
    return sparsity.strip_pruning(model)


def _fit(model: Any, callbacks: Any = ()) -> None:
    model.compile("sgd", "mse")
    model.fit(data(), np.zeros((96, 10)), verbose=0, callbacks=list(callbacks))


def test_pruning_preserving_training(pruned: Any, tmp_path: Path) -> None:
    """PQAT: the file has the zeros of the pruned model."""
    quantization = tfmot.quantization.keras
    scheme = tfmot.experimental.combine.Default8BitPrunePreserveQuantizeScheme()
    model = quantization.quantize_apply(quantization.quantize_annotate_model(pruned), scheme)
    _fit(model)
    result = ubp.quantize(model)
    assert is_all_int8(result.model) and not result.float_operators
    for row in result.report:
        if row.op == "CONV_2D":
            assert row.zeros >= 0.799 * row.size and row.dtype == "int8"
    with pytest.raises(TypeError, match="float_layers needs a model of Keras 3"):
        ubp.quantize(model, float_layers="quant_point")
    model.save(tmp_path / "model.keras")
    with pytest.raises(ValueError, match=r"loaded in Python, with ubp.quantize\.$"):
        ubp.quantize(tmp_path / "model.keras")


def test_without_training(pruned: Any) -> None:
    result = ubp.quantize(pruned, data())
    assert is_all_int8(result.model)
    assert all(row.zeros >= 0.79 * row.size for row in result.report if row.op == "CONV_2D")
