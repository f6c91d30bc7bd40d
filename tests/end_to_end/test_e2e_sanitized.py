# SPDX-License-Identifier: Apache-2.0
"""The standard interpreter with the delegate under the address and undefined-behaviour sanitizers.

`./run test` leaves a delegate built with them in .deps/sanitized.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import ubp
from fuzz.sanitized import LIBRARY, ROOT, sanitized_environment

OPTIONS = [(), ("take=all",), ("take=all", "kernel=portable")]

FOLDERS = [str(ROOT / "python"), str(ROOT / "tests" / "python" / "shared")]

pytestmark = pytest.mark.slow  # './run test --fast' does not build the library


@pytest.fixture(scope="module")
def conversion(keras: Any, randomise: Any, prune: Any) -> ubp.ConversionResult:
    """A network of [1, 32, 32, 3] with an operator of every kind that the delegate takes."""
    layers = keras.layers
    inputs = keras.Input((32, 32, 3), batch_size=1)
    x = layers.Conv2D(32, 3, strides=2, padding="same", activation="relu")(inputs)
    x = skip = layers.Conv2D(64, 1, activation="relu6")(x)
    x = layers.DepthwiseConv2D(3, padding="same", activation="relu")(x)
    x = layers.Conv2D(64, 3, dilation_rate=2, padding="same")(x)
    x = layers.Activation("swish")(layers.Add()([x, skip]))
    x = layers.ZeroPadding2D(((1, 2), (0, 3)))(x)
    x = layers.Conv2D(64, 1, strides=2)(x)
    x = layers.Concatenate()([layers.Conv2D(36, 1)(x), layers.Conv2D(28, 3, padding="same")(x)])
    x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
    gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Multiply()([x, layers.Conv2D(64, 1, activation="sigmoid")(gate)])
    x = layers.AveragePooling2D(2, padding="same")(x)
    x = layers.Dense(48)(layers.GlobalAveragePooling2D()(x))
    x = layers.Dense(12, activation="softmax")(x)
    network = randomise(keras.Model(inputs, x))
    return ubp.convert(prune(network, ubp.UnalignedBlock(4)), min_speedup=0)


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: " ".join(options) or "defaults")
@pytest.mark.parametrize("kind", ["converted", "ordinary"])
def test_nothing_is_found(
    conversion: ubp.ConversionResult, tmp_path: Path, kind: str, options: tuple[str, ...]
) -> None:
    """Converted, and as an ordinary file whose zeros the delegate finds by itself."""
    model, standard = tmp_path / "model.tflite", tmp_path / "standard.tflite"
    model.write_bytes(conversion.model if kind == "converted" else conversion.dense)
    standard.write_bytes(conversion.dense)
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("sanitized_host.py"), model, standard, *options],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(FOLDERS)} | sanitized_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_library_is_sanitized() -> None:
    """Without these the test above would find nothing."""
    done = subprocess.run(
        ["readelf", "--dynamic", LIBRARY], capture_output=True, text=True, check=True
    )
    assert "[libasan.so" in done.stdout and "[libubsan.so" in done.stdout
