# SPDX-License-Identifier: Apache-2.0
"""Fixtures for tests that run converted models in real interpreters, through the delegate."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import phone
import pytest
from fake_opencl import build_fake_opencl
from int8_models import Int8Layers
from interpreting import interpret

import ubp
from ubp.runtime.decisions import delegate_report


@pytest.fixture(scope="session", autouse=True)
def delegate() -> str:
    """The path of the delegate; without it every test here fails and says what to do."""
    return ubp.delegate_path()


@pytest.fixture(scope="session")
def gpu_environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Of processes that use OpenCL: all tests share what PoCL has compiled."""
    return {
        **os.environ,
        "PYTHONPATH": str(Path(ubp.__file__).parents[1]),
        "POCL_CACHE_DIR": str(tmp_path_factory.mktemp("pocl")),
    }


@pytest.fixture(scope="session")
def fake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An OpenCL library whose devices do what they are told."""
    return build_fake_opencl(tmp_path_factory.mktemp("fake"))


@pytest.fixture
def device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an Android device's files; adb is on the PATH."""
    for name, value in phone.environment(tmp_path / "device").items():
        monkeypatch.setenv(name, value)
    return tmp_path / "device"


@pytest.fixture(scope="session")
def keras() -> Any:
    import keras

    return keras


@pytest.fixture(scope="session")
def randomise() -> Callable[[Any], Any]:
    """Gives a Keras model random weights that keep activations of order one at 80% sparsity."""

    def fill(model: Any, seed: int = 0) -> Any:
        rng = np.random.default_rng(seed)
        for layer in model.layers:
            values = []
            for weight in layer.weights:
                if weight.name in ("kernel", "depthwise_kernel"):
                    shape = weight.shape
                    depthwise = weight.name == "depthwise_kernel"
                    fan_in = np.prod(shape[:2]) if depthwise else np.prod(shape[:-1]) / 4
                    values.append(rng.normal(size=shape) * np.sqrt(2 / fan_in))
                elif weight.name in ("gamma", "moving_variance", "variance"):
                    values.append(rng.uniform(0.7, 1.4, weight.shape))
                else:
                    values.append(0.1 * rng.normal(size=weight.shape))
            layer.set_weights(values)
        return model

    return fill


@pytest.fixture(scope="session")
def prune() -> Callable[..., Any]:
    """Prunes a Keras model to 80% in one shot: every Conv2D and Dense but the first."""

    def pruned(model: Any, pattern: Any, sparsity: float = 0.8) -> Any:
        kinds = ("Conv2D", "Dense")
        names = [layer.name for layer in model.layers if type(layer).__name__ in kinds][1:]
        method = "aligned" if isinstance(pattern, ubp.AlignedBlock) else "optimal"
        schedule = ubp.ConstantSparsity(sparsity)
        return ubp.strip(ubp.prune(model, schedule, pattern, method, layers=names))

    return pruned


@pytest.fixture(scope="session")
def run() -> Callable[[Any, Sequence[np.ndarray]], list[np.ndarray]]:
    """Runs any interpreter: inputs in, all outputs out."""

    return lambda interpreter, inputs: interpret(interpreter, *inputs)


@pytest.fixture(scope="session")
def int8_options() -> dict[str, str]:
    """The delegate's options with which it takes int8, also on processors without dot products."""
    layers = Int8Layers([1, 4, 4, 4], np.random.default_rng(0))
    layers.conv(np.ones((4, 1, 1, 4), np.int8))
    (node,) = delegate_report(layers.build(), take="all").nodes
    return {"kernel": "portable"} if "no dot products" in node.reason else {}


@pytest.fixture
def wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that tables are not cut into lines."""
    monkeypatch.setenv("COLUMNS", "200")
