# SPDX-License-Identifier: Apache-2.0
"""The delegate's profile: which operators its steps have, and that they were timed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ubp
from ubp.cli import main
from ubp.runtime import delegate_report
from ubp.timing import delegate_profile, read_profile

RUNS = 3


@pytest.fixture(scope="module")
def model(keras: Any, randomise: Callable[[Any], Any], prune: Callable[..., Any]) -> bytes:
    """A converted network, some of whose operators are fused."""
    inputs = keras.Input((12, 12, 16))
    x = keras.layers.Conv2D(32, 3, padding="same", activation="swish")(inputs)
    x = keras.layers.DepthwiseConv2D(3, padding="same", activation="relu6")(x)
    x = keras.layers.Conv2D(32, 1)(x)
    x = keras.layers.Conv2D(32, 1, activation="relu")(keras.layers.Softmax(axis=1)(x))
    x = keras.layers.GlobalAveragePooling2D()(x)
    network = randomise(keras.Model(inputs, keras.layers.Dense(10)(x)))
    return ubp.convert(prune(network, ubp.UnalignedBlock(4)), min_speedup=0).model


@pytest.mark.parametrize("take", ["all", "sparse"])
@pytest.mark.parametrize("without", ["dead_pixels", "strips+fused_functions"])
@pytest.mark.parametrize("threads", [1, 2])
def test_every_operator_that_is_taken_is_in_one_step(
    model: bytes, take: str, without: str, threads: int
) -> None:
    options = {"take": take, "without": without}
    taken = {
        node.node: f"{node.op} '{node.layer}'"
        for node in delegate_report(model, **options).nodes
        if node.taken
    }
    profile = delegate_profile(model, RUNS, threads, progress=False, **options)
    computed = [step for step in profile.steps if not step.conversion]
    assert [node for step in computed for node in step.nodes] == list(taken)
    for step in profile.steps:
        assert step.operators == tuple(taken[node] for node in step.nodes if node is not None)
        assert step.runs == RUNS
        assert 0 < step.min_us <= step.mean_us
    assert profile.threads == threads
    assert 0 < profile.steps_ms <= profile.mean_ms


# Of the sparse layers, for each image.
MULTIPLY_ADDS = [12 * 12 * 32 * 9 * 16, 12 * 12 * 32 * 32, 12 * 12 * 32 * 32, 32 * 10]


def test_zeros_count_as_multiplied(model: bytes) -> None:
    steps = delegate_profile(model, RUNS, progress=False, take="sparse").steps
    assert [step.multiply_adds for step in steps if not step.conversion] == MULTIPLY_ADDS


def test_steps_say_what_they_have_to_do(model: bytes) -> None:
    steps = delegate_profile(model, RUNS, progress=False, take="sparse").steps
    own = [step for step in steps if not step.conversion]
    works = [step.work[0] for step in own]
    assert [work.kind for work in works] == [*["convolution"] * 3, "fully_connected"]
    assert all(len(step.work) == 1 and step.work[0].weight_bytes > 0 for step in own)
    # All weights of the first, which is not pruned, and a fifth of the others', in blocks of 4.
    weights = [4608, 51 * 4, 51 * 4, 16 * 4]
    pixels = [144, 144, 144, 1]
    assert [work.operations for work in works] == list(np.multiply(weights, pixels))
    assert [work.written_bytes for work in works] == [*[12 * 12 * 32 * 4] * 3, 10 * 4]
    assert works[0].read_bytes == 12 * 12 * 16 * 4


def test_results_are_the_same_and_the_file_is_written_when_the_interpreter_goes(
    model: bytes, run: Callable[..., Any], tmp_path: Path
) -> None:
    path = tmp_path / "profile.json"
    x = np.random.default_rng(0).normal(size=(1, 12, 12, 16)).astype(np.float32)
    interpreter = ubp.Interpreter(model, profile=path)
    np.testing.assert_array_equal(run(interpreter, [x]), run(ubp.Interpreter(model), [x]))
    assert read_profile(path) == []
    del interpreter
    assert {step.runs for step in read_profile(path)} == {1}


def test_resized_inputs_make_another_plan(
    model: bytes, run: Callable[..., Any], tmp_path: Path
) -> None:
    path = tmp_path / "profile.json"
    interpreter = ubp.Interpreter(model, profile=path, take="sparse")
    for batch in (1, 2):
        run(interpreter, [np.zeros((batch, 12, 12, 16), np.float32)])
    del interpreter
    multiply_adds = [step.multiply_adds for step in read_profile(path) if not step.conversion]
    assert sorted(multiply_adds) == sorted(n * batch for n in MULTIPLY_ADDS for batch in (1, 2))


def test_a_file_that_exists_is_refused(model: bytes, tmp_path: Path) -> None:
    path = tmp_path / "profile.json"
    path.write_text("precious")
    with pytest.raises(ValueError, match=r"the profile '.*' exists already; choose another name\."):
        ubp.Interpreter(model, profile=path)
    assert path.read_text() == "precious"


def test_no_runs_are_refused(model: bytes) -> None:
    with pytest.raises(ValueError, match="runs is 0; expected a whole number of at least 1"):
        delegate_profile(model, 0)


def test_benchmark_shows_the_profile(
    model: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sparse, dense = tmp_path / "sparse.tflite", tmp_path / "dense.tflite"
    sparse.write_bytes(model)
    dense.write_bytes(ubp.unpack(model))
    timings, table = tmp_path / "timings.json", tmp_path / "timings.csv"
    command = ["benchmark", str(sparse), "--against", str(dense), "--rounds", "1", "--profile"]
    files = ["--json", str(timings), "--csv", str(table)]
    assert main([*command, "--threads", "1,2", *files]) == 0
    printed = capsys.readouterr().out
    assert all(text in printed for text in ("GMAC/s", "UbpConv2D", "outside the delegate"))
    rows = json.loads(timings.read_text())["data"]["timings"]
    assert [row["profile"]["threads"] for row in rows if row["model"] == str(sparse)] == [1, 2]
    assert all("profile" not in row for row in rows if row["model"] == str(dense))
    assert {step["runs"] for step in rows[0]["profile"]["steps"]} == {10}
    assert "profile" not in table.read_text()
    # By itself an ordinary file with zeros runs through the delegate as well.
    assert main(["benchmark", str(dense), "--rounds", "1", "--profile"]) == 0
    assert "GMAC/s" in capsys.readouterr().out
