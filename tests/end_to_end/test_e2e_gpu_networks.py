# SPDX-License-Identifier: Apache-2.0
"""Whole networks, pruned to 80% in blocks and converted, on an OpenCL device; here mostly PoCL.

Models are made in this process, which has TensorFlow, and run in others (run_on_gpu.py).
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from applications import with_open_batch

import ubp
from bench.unet.networks import Dimensions, pruned_model

PROGRAM = Path(__file__).with_name("run_on_gpu.py")
# Of the output's range: how far results may be from the CPU's in the root of the mean square. One
# of thousands of numbers may be ten times as far.
TOLERANCES = {"fp32": 1e-6, "fp16_storage": 3e-4}
MOST_AT_ONCE = 10
BATCHES = (1, 2, 1)
MOST_PROGRAMS = 25
slow = pytest.mark.slow


def mobilenet(applications: Any) -> Any:
    return applications.MobileNet((64, 64, 3), alpha=0.25, weights=None, classifier_activation=None)


def mobilenet_v2(applications: Any) -> Any:
    return applications.MobileNetV2(
        (64, 64, 3), alpha=0.35, weights=None, classifier_activation=None
    )


def mobilenet_v3(applications: Any) -> Any:
    return applications.MobileNetV3Small((64, 64, 3), weights=None, classifier_activation=None)


def resnet50(applications: Any) -> Any:
    return applications.ResNet50(input_shape=(64, 64, 3), weights=None, classifier_activation=None)


def calm(model: Any) -> Any:
    """Random residual networks double their values at each block, beyond what half can hold."""
    for layer in model.layers:
        if layer.name.endswith("_3_bn"):
            layer.gamma.assign(0.25 * layer.gamma)
    return model


def unet(way: str) -> Callable[..., Any]:
    def build(*_: Any) -> Any:
        return pruned_model(way, Dimensions(64, (8, 16, 32)), 80)

    build.__name__ = f"unet_{way}"
    return build


@dataclass(frozen=True)
class Activity:
    """What the device had done for a part when the delegate said so."""

    compiled: int
    read: int
    kib: int  # of weights and offsets
    uploads: int
    downloads: int

    @staticmethod
    def all_of(log: str) -> list[Activity]:
        pattern = (
            r"until now: (\d+) programs compiled, (\d+) read from gpu_cache; "
            r"\d+ uploads of weights and offsets \((\d+) KiB\), (\d+) input uploads, "
            r"(\d+) output downloads, \d+ kernels run\."
        )
        return [Activity(*map(int, found)) for found in re.findall(pattern, log)]


@dataclass(frozen=True)
class Network:
    """A converted model in a folder with the inputs of its runs."""

    folder: Path
    images: np.ndarray
    environment: dict[str, str]

    @property
    def model(self) -> Path:
        return self.folder / "model.tflite"

    def on_gpu(self, *options: dict[str, str]) -> tuple[list[list[np.ndarray]], list[str]]:
        """For each set of options the outputs of all batches, and what was logged."""
        np.savez(self.folder / "inputs.npz", *(self.images[:batch] for batch in BATCHES))
        jobs = []
        for number, chosen in enumerate(options):
            outputs = str(self.folder / f"outputs{number}.npz")
            files = {"inputs": str(self.folder / "inputs.npz"), "outputs": outputs}
            common = {"take": "all", "log": "info"}
            jobs.append({"model": str(self.model), **files, "options": common | chosen})
        (self.folder / "jobs.json").write_text(json.dumps(jobs))
        done = subprocess.run(
            [sys.executable, PROGRAM, self.folder / "jobs.json"],
            env=self.environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        results = [[*np.load(job["outputs"]).values()] for job in jobs]
        return results, re.split("(?=UBP delegate: INFO: took )", done.stderr)[1:]


@pytest.fixture(
    scope="module",
    params=[
        mobilenet,
        pytest.param(mobilenet_v2, marks=slow),
        pytest.param(mobilenet_v3, marks=slow),
        pytest.param(resnet50, marks=slow),
        pytest.param(unet("transposed-2x2"), marks=slow),
        pytest.param(unet("bilinear"), marks=slow),
    ],
    ids=lambda build: build.__name__,
)
def network(
    request: pytest.FixtureRequest,
    keras: Any,
    randomise: Callable[..., Any],
    prune: Callable[..., Any],
    gpu_environment: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Network:
    keras.backend.clear_session()
    model = request.param(keras.applications)
    if not request.param.__name__.startswith("unet"):
        model = prune(calm(randomise(model)), ubp.UnalignedBlock(4))
    result = ubp.convert(with_open_batch(model), block_size=4, min_speedup=0)
    assert {layer.op for layer in result.report if not layer.taken} <= {"DEPTHWISE_CONV_2D"}
    folder = tmp_path_factory.mktemp("network")
    images = np.random.default_rng(1).normal(size=(2, 64, 64, 3)).astype(np.float32)
    network = Network(folder, images, gpu_environment)
    result.save(network.model)
    return network


def test_a_network_on_the_device(network: Network, run: Callable[..., Any]) -> None:
    cache = {"gpu_cache": str(network.folder / "cache")}
    results, logs = network.on_gpu(cache, {"precision": "fp16_storage"})
    cpu = ubp.Interpreter(network.model, take="all")
    expected = [run(cpu, [network.images[:batch]])[0] for batch in BATCHES]
    for outputs, tolerance in zip(results, TOLERANCES.values(), strict=True):
        for output, right in zip(outputs, expected, strict=True):
            assert np.ptp(right) > 0.1, "the test needs outputs that vary"
            difference = np.abs(output - right) / np.ptp(right)
            assert np.sqrt(np.mean(difference**2)) <= tolerance
            assert np.max(difference) <= MOST_AT_ONCE * tolerance
        np.testing.assert_array_equal(outputs[2], outputs[0])
    assert not np.array_equal(results[0][0], results[1][0])  # the precision is another one
    for log in logs:
        took, of = re.match(r".*took (\d+) of the model's (\d+) nodes", log).groups()
        assert took == of
        parts = re.findall(r"layer\(s\) from (.*) on, kernel", log)
        assert len(parts) == len(BATCHES) and len(set(parts)) == 1
        first, *_, last = Activity.all_of(log)
        assert last.kib < 2 * first.kib  # a resize uploads offsets anew, but no weights
        assert 0 < last.compiled <= MOST_PROGRAMS and last.read == 0
        assert last.uploads == last.downloads == len(BATCHES)
    (again,), (log,) = network.on_gpu(cache)
    last, first = Activity.all_of(log)[-1], Activity.all_of(logs[0])[-1]
    assert (last.compiled, last.read) == (0, first.compiled)
    for output, before in zip(again, results[0], strict=True):
        np.testing.assert_array_equal(output, before)
