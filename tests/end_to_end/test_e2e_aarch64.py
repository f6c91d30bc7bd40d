# SPDX-License-Identifier: Apache-2.0
"""The Python package on aarch64, under qemu-user: the delegate and the core of block selection
compute there what they compute here. Whole int8 networks: test_e2e_int8_networks.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from emulated_aarch64 import AARCH64, only_on_x86_64, run_on_aarch64

import ubp
from ubp.selection import METHODS

THREADS = (1, 2, 3)
TOLERANCE = 1e-5  # of the output's range

pytestmark = [pytest.mark.slow, only_on_x86_64]


@pytest.fixture(scope="module")
def conversion(
    keras: Any, randomise: Callable[..., Any], prune: Callable[..., Any]
) -> ubp.ConversionResult:
    keras.backend.clear_session()
    network = keras.applications.MobileNet((96, 96, 3), weights=None, classifier_activation=None)
    return ubp.convert(prune(randomise(network), ubp.UnalignedBlock(4)))


@pytest.mark.parametrize("kind", ["converted", "ordinary"])
def test_mobilenet_as_on_x86_and_for_any_number_of_threads(
    conversion: ubp.ConversionResult, run: Callable[..., Any], tmp_path: Path, kind: str
) -> None:
    """Converted, and as an ordinary file whose zeros the delegate finds by itself."""
    model = conversion.model if kind == "converted" else conversion.dense
    path = tmp_path / "model.tflite"
    path.write_bytes(model)
    x = np.random.default_rng(0).normal(size=(1, 96, 96, 3)).astype(np.float32)
    (expected,) = run(ubp.Interpreter(model), [x])
    assert np.ptp(expected) > 0.1, "the test needs outputs that vary"

    files = [tmp_path / name for name in ("input.npy", "outputs.npy", "report.json")]
    np.save(files[0], x)
    run_on_aarch64("invoke.py", path, *files, *THREADS)
    outputs, report = np.load(files[1]), json.loads(files[2].read_text())

    assert report["kernel"] == "neon"
    (nodes,) = report["subgraphs"]
    assert sum(node["taken"] for node in nodes) > 20
    assert np.abs(outputs[0] - expected).max() <= TOLERANCE * np.ptp(expected)
    for output in outputs[1:]:
        np.testing.assert_array_equal(output, outputs[0])


def test_the_blocks_chosen_are_those_of_x86(tmp_path: Path) -> None:
    importance = np.random.default_rng(0).gamma(1, size=(40, 64)).astype(np.float32)
    np.save(tmp_path / "importance.npy", importance)
    library = AARCH64 / "libubp_selection.so"
    run_on_aarch64(
        "choose_blocks.py", library, tmp_path / "importance.npy", tmp_path / "blocks.npz"
    )
    with np.load(tmp_path / "blocks.npz") as archive:
        found = dict(archive)

    assert found.keys() == {f"{f}/{m}" for f in ("neon", "portable") for m in METHODS}
    for name, (lanes, starts) in found.items():
        expected = ubp.select_blocks(importance, 4, sparsity=0.8, method=name.split("/")[1])
        np.testing.assert_array_equal(lanes, expected.lanes)
        np.testing.assert_array_equal(starts, expected.starts)


def test_int8_graphs_are_the_interpreters_there() -> None:
    """XNNPACK rounds some operators otherwise on Arm; among these graphs are some that tell."""
    run_on_aarch64("check_int8_graphs.py", 1, 220, 100)
