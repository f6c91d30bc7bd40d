# SPDX-License-Identifier: Apache-2.0
"""Data-parallel training, precision, XLA and accumulated gradients: masks are the same everywhere.

Keras itself (3.15) refuses, for a dense model too, what is not tested here under MirroredStrategy:
steps_per_execution > 1, gradient_accumulation_steps, and jit_compile=True on virtual devices.
"""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import pytest
from mirrored_training import CASES
from pruning_models import assert_sparsity, data, outputs, sequential_model

import ubp
from ubp.pruning.layers.pruned_layer import pruned_layers

GRADUAL = ubp.PolynomialDecay(0.25, 0.75, begin_step=2, end_step=6, power=1, frequency=2)
KERNELS = ("conv_1x1", "hidden")
HALF_PRECISION = ("float16", "bfloat16")
Arrays = Mapping[str, npt.NDArray[np.generic]]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Arrays:
    """What mirrored_training.py writes."""
    file = tmp_path_factory.mktemp("mirrored") / "results.npz"
    program = Path(__file__).with_name("mirrored_training.py")
    paths = [str(Path(ubp.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-X", "faulthandler", str(program), str(file)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode < 0:  # TensorFlow itself died, as one of some dozen runs on two devices does
        warnings.warn(done.stderr[-3000:], stacklevel=1)
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    with np.load(file) as results:
        return dict(results)


def figures(case: str) -> tuple[str, ...]:
    observes = CASES[case].get("importance") == "gradient"
    return ("kernel", "mask", "sensitivity") if observes else ("kernel", "mask")


@pytest.mark.slow
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("case", CASES)
def test_replicas_hold_the_same(trained: Arrays, case: str, kernel: str) -> None:
    for figure in figures(case):
        copies = [trained[f"{case}/two/{kernel}/{figure}/{replica}"] for replica in (0, 1)]
        np.testing.assert_array_equal(*copies, err_msg=figure)


@pytest.mark.slow
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("case", CASES)
def test_as_on_one_device(trained: Arrays, case: str, kernel: str) -> None:
    tolerance = 1e-2 if case in HALF_PRECISION else 1e-5
    for figure in figures(case):
        one = trained[f"{case}/one/{kernel}/{figure}"]
        two = trained[f"{case}/two/{kernel}/{figure}/0"]
        if figure == "mask":
            np.testing.assert_array_equal(two, one)
        else:
            np.testing.assert_allclose(two, one, rtol=tolerance, atol=tolerance)
            assert np.abs(one).max() > 0


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_stripped_models_compute_the_same(trained: Arrays, case: str) -> None:
    tolerance = 2e-2 if case in HALF_PRECISION else 1e-5
    one, two = trained[f"{case}/one/stripped"], trained[f"{case}/two/stripped"]
    np.testing.assert_allclose(two, one, rtol=tolerance, atol=tolerance)


@pytest.mark.slow
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("case", [case for case in CASES if case != "observed"])
def test_pruned_weights_are_zero_in_every_replica(trained: Arrays, case: str, kernel: str) -> None:
    sparsity = 0.5 if case == "penalty" else 0.75
    for replica in (0, 1):
        mask = trained[f"{case}/two/{kernel}/mask/{replica}"]
        assert not trained[f"{case}/two/{kernel}/kernel/{replica}"][~mask].any()
        if case != "global":
            assert mask.mean() == pytest.approx(1 - sparsity, abs=0.01)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("policy", "jit_compile", "importance"),
    [
        ("float32", True, "gradient"),
        ("mixed_float16", False, "gradient"),
        ("mixed_float16", True, "magnitude"),
        ("mixed_bfloat16", True, "gradient"),
    ],
)
def test_precision_and_xla(policy: str, jit_compile: bool, importance: str) -> None:
    keras.utils.set_random_seed(3)
    keras.config.set_dtype_policy(policy)
    try:
        model = sequential_model()
    finally:
        keras.config.set_dtype_policy("float32")
    pruned = ubp.prune(model, GRADUAL, importance=importance)
    losses = fit(pruned, keras.optimizers.SGD(0.05), jit_compile)
    assert np.isfinite(losses).all()
    assert_sparsity(pruned, ubp.UnalignedBlock(4), 0.75)
    final = ubp.strip(pruned)
    np.testing.assert_allclose(outputs(final), outputs(pruned), rtol=1e-6, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("gradients", "jit_compile"), [("masked", True), ("straight_through", False)]
)
def test_accumulated_gradients(gradients: str, jit_compile: bool) -> None:
    """Four steps of batches of 8, accumulated in twos, are two steps of batches of 16."""
    schedule = ubp.ConstantSparsity(0.5)
    pruned = [ubp.prune(sequential_model(), schedule, gradients=gradients) for _ in range(2)]
    fit(pruned[0], keras.optimizers.SGD(0.05, gradient_accumulation_steps=2), jit_compile, epochs=1)
    fit(pruned[1], keras.optimizers.SGD(0.05), jit_compile, batch=16, epochs=1)
    for small, large in zip(*map(pruned_layers, pruned), strict=True):
        (kernel,), (expected,) = small.kernels, large.kernels
        np.testing.assert_array_equal(kernel.mask.numpy(), expected.mask.numpy())
        np.testing.assert_allclose(
            kernel.variable.numpy(), expected.variable.numpy(), rtol=1e-4, atol=1e-6
        )


def fit(
    pruned: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    jit_compile: bool,
    batch: int = 8,
    epochs: int = 2,
) -> list[float]:
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    pruned.compile(optimizer=optimizer, loss=loss, jit_compile=jit_compile)
    x, y = data()
    history = pruned.fit(
        x,
        y,
        batch_size=batch,
        epochs=epochs,
        shuffle=False,
        verbose=0,
        callbacks=[ubp.UpdatePruning()],
    )
    losses: list[float] = history.history["loss"]
    return losses
