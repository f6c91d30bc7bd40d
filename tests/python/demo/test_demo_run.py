# SPDX-License-Identifier: Apache-2.0
"""The whole demo, quick: every file is made, and the numbers are sane. No timing is asserted."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

import demo
from demo.digits import load_digits
from demo.measure import classify, standard_interpreter
from demo.output import FILES, INDEX
from demo.settings import SEED
from ubp.check.verification import verify

pytestmark = pytest.mark.slow

PRUNED = ("digits_unaligned", "digits_aligned", "digits_unstructured", "mobilenet_unaligned")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "out put"


@pytest.fixture(scope="module")
def printed(folder: Path) -> str:
    """What `python -m demo --quick` prints."""
    environment = os.environ | {"PYTHONPATH": str(Path(demo.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-m", "demo", "--quick", "--output", folder],
        env=environment,
        cwd=folder.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.usefixtures("printed")
def test_exactly_the_listed_files_are_made(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == {INDEX, *FILES}


def test_table_is_printed_and_saved(folder: Path, printed: str) -> None:
    saved = (folder / "table.txt").read_text().split()
    shown = printed.split()
    start = shown.index("Results") + 1
    assert shown[start : start + len(saved)] == saved


@pytest.mark.usefixtures("printed")
def test_picture_is_an_image(folder: Path) -> None:
    assert np.ptp(imread(folder / "picture.png")) > 0.5


@pytest.mark.usefixtures("printed")
@pytest.mark.parametrize("name", PRUNED)
def test_converted_files_compute_the_same_and_are_small(folder: Path, name: str) -> None:
    before = (folder / f"{name}_pruned.tflite").read_bytes()
    after = (folder / f"{name}_ubp.tflite").read_bytes()
    assert verify(before, after, seed=7).passed
    assert len(after) < 0.3 * len(before)


@pytest.mark.usefixtures("printed")
def test_dense_network_reads_digits(folder: Path) -> None:
    _, test = load_digits(SEED)
    classes = classify(standard_interpreter((folder / "digits_dense.tflite").read_bytes()), test)
    assert np.mean(classes == test.labels) > 0.7


def test_commands_to_try_work(folder: Path, printed: str) -> None:
    commands = [line for line in printed.splitlines() if " inspect " in line]
    assert len(commands) == 2
    for command in commands:
        _, _, arguments = command.partition(" inspect ")
        done = subprocess.run(
            f"'{sys.executable}' -m ubp inspect {arguments}",
            shell=True,
            env=os.environ | {"PYTHONPATH": str(Path(demo.__file__).parents[1])},
            cwd=folder.parent,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "block-sparse" in done.stdout or "convert" in done.stdout
