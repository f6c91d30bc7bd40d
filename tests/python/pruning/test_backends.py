# SPDX-License-Identifier: Apache-2.0
"""Pruning on every backend of Keras that is installed: the same masks, step by step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from backend_training import CASES, STEPS
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


@pytest.mark.parametrize("backend", OTHERS)
def test_files_of_one_backend_are_read_by_another(folder_of: Any, backend: str) -> None:
    """The weights and masks, the steps, and what has been observed of gradients."""
    needs(backend)
    program = (
        "import sys, keras, numpy as np, ubp.pruning\n"
        "from ubp.pruning.layers.pruned_layer import pruned_layers\n"
        "for file in sys.argv[1:]:\n"
        "    layers = pruned_layers(keras.models.load_model(file, compile=False))\n"
        "    kernels = [kernel for layer in layers for kernel in layer.kernels]\n"
        "    print([layer.steps_begun for layer in layers])\n"
        "    print([float(np.abs(kernel.stored()).sum().round(2)) for kernel in kernels])\n"
        "    print([int(kernel.mask_matrix().sum()) for kernel in kernels])\n"
        "    observed = [each.sensitivity for each in kernels if each.sensitivity is not None]\n"
        "    print([float(each.numpy().sum().round(4)) for each in observed])\n"
    )
    files = [folder_of(backend) / f"{case}.keras" for case in ("masked", "gradient")]
    own, other = (run_on(each, "-c", program, *files) for each in (backend, "tensorflow"))
    assert own == other
    assert own.splitlines()[0] == "[4, 4]" and not own.endswith("[]\n")


@pytest.mark.parametrize("backend", OTHERS)
def test_when_a_model_is_saved_or_restored_changes_no_training(backend: str) -> None:
    """Some of the tests that TensorFlow has; JAX's variables lack their values between steps."""
    tests = HERE / "test_pruning_undisturbed.py"
    some = "early_stopping or mid_epoch or end_of_a_step or older_versions"
    said = run_on(backend, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", some, tests)
    assert " passed" in said


@pytest.fixture(scope="module")
def distributed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Arrays]:
    """What distributed_training.py writes, by how it distributes; each is run once."""

    @cache
    def made(how: str) -> Arrays:
        file = tmp_path_factory.mktemp("distributed") / f"{how}.npz"
        flags = "" if how == "one" else "--xla_force_host_platform_device_count=2"
        run_on("jax", HERE / "distributed_training.py", file, how, XLA_FLAGS=flags)
        with np.load(file) as arrays:
            return dict(arrays)

    return made


@pytest.mark.parametrize("how", ["data", "model"])
def test_jax_on_several_devices(distributed: Callable[[str], Arrays], how: str) -> None:
    """The masks that one device would choose."""
    one, two = distributed("one"), distributed(how)
    for key, expected in one.items():
        if key.endswith("/devices"):
            assert (expected, two[key]) == (1, 2)
        elif "/mask/" in key:
            np.testing.assert_array_equal(two[key], expected, err_msg=key)
        else:
            np.testing.assert_allclose(two[key], expected, 1e-4, 1e-5, err_msg=key)


def test_what_jax_cannot_do_is_one_sentence() -> None:
    program = (
        "import keras, numpy as np, ubp\n"
        "model = keras.Sequential([keras.Input((16,)), keras.layers.Dense(8, name='x')])\n"
        "pruned = ubp.prune(model, ubp.ConstantSparsity(0.5, begin_step=2), layers='x', "
        "importance='gradient')\n"
        "pruned.compile(keras.optimizers.SGD(gradient_accumulation_steps=2), 'mse')\n"
        "x = np.ones((8, 16), 'float32')\n"
        "try:\n"
        "    pruned.fit(x, x[:, :8], verbose=0, callbacks=[ubp.UpdatePruning()])\n"
        "except ValueError as error:\n"
        "    print(error)\n"
        "try:\n"
        "    ubp.prune_without_training(model, x)\n"
        "except ValueError as error:\n"
        "    print(error)\n"
    )
    accumulation, without = run_on("jax", "-c", program).splitlines()
    assert "importance='gradient' on JAX cannot see the gradients" in accumulation
    assert "KERAS_BACKEND=tensorflow" in without


def test_what_needs_tensorflow_says_so(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "sys.modules['tensorflow'] = None\n"
        "import keras, numpy as np, ubp\n"
        "model = keras.Sequential([keras.Input((16,)), keras.layers.Dense(8, name='x')])\n"
        "pruned = ubp.prune(model, ubp.ConstantSparsity(0.5), layers='x')\n"
        "pruned.compile('sgd', 'mse')\n"
        "x = np.ones((8, 16), 'float32')\n"
        "callbacks = [ubp.UpdatePruning(), ubp.PruningSummaries(sys.argv[1])]\n"
        "for call in (lambda: pruned.fit(x, x[:, :8], verbose=0, callbacks=callbacks),\n"
        "             lambda: ubp.convert(pruned)):\n"
        "    try:\n"
        "        call()\n"
        "    except ImportError as error:\n"
        "        print(error)\n"
    )
    summaries, conversion = run_on("jax", "-c", program, tmp_path).splitlines()
    needs_it = "needs tensorflow, which is not installed; install it with 'pip install"
    assert summaries.startswith(f"PruningSummaries {needs_it}")
    assert conversion.startswith(f"converting a Keras model {needs_it}")


def test_a_model_that_does_not_get_through_a_file_is_refused() -> None:
    program = (
        "import keras, ubp\n"
        "class Own(keras.layers.Layer):\n"
        "    def call(self, inputs):\n"
        "        return inputs + 1\n"
        "model = keras.Sequential([keras.Input((16,)), keras.layers.Dense(8), Own()], name='m')\n"
        "try:\n"
        "    ubp.convert(model)\n"
        "except ValueError as error:\n"
        "    print(error)\n"
    )
    (said,) = run_on("jax", "-c", program).splitlines()
    assert said.startswith("Keras model 'm': it is on jax, and does not get through a .keras file")
    assert "Own" in said and said.endswith("load them, and convert it there.")
