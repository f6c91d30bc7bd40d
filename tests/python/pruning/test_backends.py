# SPDX-License-Identifier: Apache-2.0
"""Pruning on every backend of Keras that is installed: the same masks, step by step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest
from backend_training import CASES, STEPS, held, main
from keras_backends import BACKENDS, needs, run_on

import ubp

HERE = Path(__file__).parent
OTHERS = [each for each in BACKENDS if each != "tensorflow"]
RESUMED = [name for name, case in CASES.items() if case.get("resumed")]
Arrays = Mapping[str, npt.NDArray[Any]]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder with the results of a backend; each is run once."""

    @cache
    def made(backend: str) -> Path:
        folder = tmp_path_factory.mktemp(backend)
        if backend == keras.backend.backend():
            main(str(folder))
        else:
            run_on(backend, HERE / "backend_training.py", folder)
        return folder

    return made


@pytest.fixture(scope="module")
def trained(folder_of: Callable[[str], Path]) -> Callable[[str], Arrays]:
    @cache
    def read(backend: str) -> Arrays:
        needs(backend)
        with np.load(folder_of(backend) / "results.npz") as results:
            return dict(results)

    return read


def of(arrays: Arrays, case: str, what: str) -> dict[str, npt.NDArray[Any]]:
    """By the name of the kernel."""
    begin = f"{case}/{what}/"
    return {key.removeprefix(begin): each for key, each in arrays.items() if key.startswith(begin)}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("backend", OTHERS)
def test_masks_are_the_same_after_each_step(trained: Any, backend: str, case: str) -> None:
    expected, found = (of(trained(each), case, "mask") for each in ("tensorflow", backend))
    assert found.keys() == expected.keys()
    for kernel, masks in expected.items():
        assert len(masks) == STEPS
        np.testing.assert_array_equal(found[kernel], masks, err_msg=kernel)
        assert not masks[-1].all()  # something is pruned


@pytest.mark.parametrize("case", [case for case in CASES if "scope" not in CASES[case]])
def test_no_near_tie_decides_that(trained: Any, case: str) -> None:
    """Importances that differ ten times as much as rounding makes them give the same masks."""
    arrays, rng = trained("tensorflow"), np.random.default_rng(0)
    masks = of(arrays, case, "mask")
    updates = of(arrays, case, "importance")
    assert updates
    for key, importance in updates.items():
        kernel, step = key.rsplit("/", 1)
        mask = masks[kernel][int(step) - 1]
        for _ in range(0 if mask.all() else 4):  # a schedule that regularises prunes nothing yet
            near = importance * rng.uniform(1 - 1e-5, 1 + 1e-5, importance.shape)
            chosen = ubp.select_blocks(near, 4, num_blocks=int(mask.sum()) // 4)
            np.testing.assert_array_equal(chosen.mask(), mask, err_msg=key)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("backend", OTHERS)
def test_what_is_trained_is_the_same_but_for_rounding(
    trained: Any, backend: str, case: str
) -> None:
    tolerance = 5e-3 if case == "float16" else 1e-4
    expected, found = trained("tensorflow"), trained(backend)
    for what in ("kernel", "sensitivity"):
        for kernel, values in of(expected, case, what).items():
            atol = tolerance * np.abs(values).max()
            np.testing.assert_allclose(of(found, case, what)[kernel], values, tolerance, atol)
    stripped = expected[f"{case}/stripped"]
    atol = tolerance * np.abs(stripped).max()
    np.testing.assert_allclose(found[f"{case}/stripped"], stripped, tolerance, atol)


@pytest.mark.parametrize("case", RESUMED)
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_resumed_run_equals_the_uninterrupted_one(trained: Any, backend: str, case: str) -> None:
    assert trained(backend)[f"{case}/resumed"] == 0


@pytest.mark.parametrize("what", ["permuted", "removed", "recalibrated", "inference"])
@pytest.mark.parametrize("backend", OTHERS)
def test_what_needs_no_training_is_the_same(trained: Any, backend: str, what: str) -> None:
    expected, found = trained("tensorflow")[what], trained(backend)[what]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("case", ["masked", "gradient"])
@pytest.mark.parametrize("backend", OTHERS)
def test_files_of_one_backend_are_read_by_another(
    folder_of: Any, trained: Any, backend: str, case: str
) -> None:
    """The weights and masks, the steps, and what has been observed of gradients."""
    own = of(trained(backend), case, "file")
    loaded = keras.models.load_model(folder_of(backend) / f"{case}.keras", compile=False)
    other = dict(held(loaded))
    assert own.keys() == other.keys()
    for key, expected in own.items():
        np.testing.assert_array_equal(other[key], expected, err_msg=key)
    assert {other[key] for key in other if key.startswith("steps/")} == {STEPS // 2}
    assert any(key.startswith("sensitivity/") for key in other) == (case == "gradient")


@pytest.mark.parametrize("backend", OTHERS)
def test_when_a_model_is_saved_or_restored_changes_no_training(backend: str) -> None:
    """Some of the tests that TensorFlow has; JAX's variables lack their values between steps."""
    tests = HERE / "test_pruning_undisturbed.py"
    some = "early_stopping or mid_epoch or end_of_a_step or older_versions"
    said = run_on(backend, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", some, tests)
    assert " passed" in said


@pytest.fixture(scope="module")
def distributed(tmp_path_factory: pytest.TempPathFactory) -> Arrays:
    """What distributed_training.py writes."""
    file = tmp_path_factory.mktemp("distributed") / "results.npz"
    flags = "--xla_force_host_platform_device_count=2"
    run_on("jax", HERE / "distributed_training.py", file, XLA_FLAGS=flags)
    with np.load(file) as arrays:
        return dict(arrays)


@pytest.mark.parametrize("how", ["data", "model"])
def test_jax_on_several_devices(distributed: Arrays, how: str) -> None:
    """The masks that one device would choose."""
    one, two = ({key.removeprefix(f"{each}/"): value for key, value in distributed.items()
                 if key.startswith(f"{each}/")} for each in ("one", how))  # fmt: skip
    assert one.keys() == two.keys()
    for key, expected in one.items():
        found = two[key]
        if key.endswith("/devices"):
            assert (expected, found) == (1, 2)
        elif "/mask/" in key:
            np.testing.assert_array_equal(found, expected, err_msg=key)
        else:
            np.testing.assert_allclose(found, expected, 1e-4, 1e-5, err_msg=key)


REFUSED = """
import sys
sys.modules["tensorflow"] = None
import keras, numpy as np, ubp
def said(call):
    try:
        call()
    except (ImportError, ValueError) as error:
        print(error)
layers = [keras.Input((16,)), keras.layers.Dense(8, name="x")]
dense = keras.Sequential(layers)
x = np.ones((8, 16), "float32")
def fit(schedule, callback, optimizer="sgd", **options):
    pruned = ubp.prune(dense, schedule, layers="x", **options)
    pruned.compile(optimizer, "mse")
    pruned.fit(x, x[:, :8], verbose=0, callbacks=[ubp.UpdatePruning(), *callback])
said(lambda: fit(ubp.ConstantSparsity(0.5), [ubp.PruningSummaries(sys.argv[1])]))
said(lambda: ubp.convert(dense))
del sys.modules["tensorflow"]
accumulating = keras.optimizers.SGD(gradient_accumulation_steps=2)
schedule = ubp.ConstantSparsity(0.5, begin_step=2)
said(lambda: fit(schedule, [], accumulating, importance="gradient"))
said(lambda: ubp.prune_without_training(dense, x))
class Own(keras.layers.Layer):
    def call(self, inputs):
        return inputs + 1
said(lambda: ubp.convert(keras.Sequential([*layers, Own()], name="m")))
"""
NEEDS = "needs tensorflow, which is not installed; install it with 'pip install"


def test_what_jax_cannot_do_is_one_sentence(tmp_path: Path) -> None:
    """The first two where TensorFlow is not installed."""
    summaries, conversion, *others = run_on("jax", "-c", REFUSED, tmp_path).splitlines()
    assert summaries.startswith(f"PruningSummaries {NEEDS}")
    assert conversion.startswith(f"converting a Keras model {NEEDS}")
    accumulation, without, file = others
    assert "importance='gradient' on JAX cannot see the gradients" in accumulation
    assert "KERAS_BACKEND=tensorflow" in without
    assert file.startswith("Keras model 'm': it is on jax, and does not get through a .keras file")
    assert "Own" in file and file.endswith("load them, and convert it there.")
