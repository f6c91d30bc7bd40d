# SPDX-License-Identifier: Apache-2.0
"""ubp prune: what it writes and prints, and that a killed run writes nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ubp
from fuzz.builder import ModelBuilder
from ubp.cli import main
from ubp.data import Preprocessing

SIZE = 8


def model_bytes(channels: int = 16) -> bytes:
    """Three convolutions, the middle one of which is pruned."""
    rng, model = np.random.default_rng(0), ModelBuilder()
    graph = model.subgraph()
    x = graph.input([1, SIZE, SIZE, 3])
    for name, out, kernel, activation in (
        ("a", channels, 3, 1),
        ("b", channels, 3, 1),
        ("c", 4, 1, 0),
    ):
        shape = (out, kernel, kernel, graph.shape(x)[3])
        weights = rng.normal(size=shape) * np.sqrt(2 / np.prod(shape[1:]))
        w = graph.constant(weights.astype(np.float32), name)
        bias = graph.constant(rng.normal(size=out).astype(np.float32) / 5, f"{name}/bias")
        x = graph.conv(x, w, bias, activation=activation)
    graph.output(x)
    return model.build()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.tflite"
    path.write_bytes(model_bytes())
    return path


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder, rng = tmp_path / "pictures", np.random.default_rng(0)
    folder.mkdir()
    for number in range(70):
        coarse = rng.integers(0, 256, (4, 6, 3)).repeat(4, 0).repeat(4, 1)
        Image.fromarray(coarse.astype(np.uint8)).save(folder / f"{number}.png")
    return folder


@pytest.mark.usefixtures("wide_terminal")
def test_it_writes_what_the_function_returns(
    model: Path, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output, report = tmp_path / "out.tflite", tmp_path / "out.json"
    command = ["prune", str(model), "--data", str(pictures), "--preprocess=-1..1"]
    command += ["-o", str(output), "--report", str(report), "--threads", "1"]
    assert main([*command, "--sparsity", "0.5", "--block-size", "2", "--seed", "3"]) == 0
    wanted = ubp.prune_tflite(
        model, pictures, 0.5, block_size=2, preprocess="-1..1", seed=3, num_threads=1
    )
    assert output.read_bytes() == wanted.model
    printed = capsys.readouterr().out
    assert "1 of 3 layers pruned, 50.0% zeros in them; 62 samples" in printed
    error = wanted.outputs[0]
    assert f"error {error.relative_error:.4f} of its variance on 8 samples held out" in printed
    assert f"{error.one_shot:.4f} without re-fitting" in printed
    assert "left: it is the first convolution" in printed
    assert "re-fitted: no other layer with weights comes behind it" in printed
    assert f"wrote {output}" in printed and f"wrote {report}" in printed
    assert json.loads(report.read_text())["outputs"][0]["one_shot"] == error.one_shot
    inspected = ubp.convert(output).report[1]
    assert inspected.sparsity == pytest.approx(0.5, abs=0.01)


def test_the_other_options_reach_the_function(
    model: Path, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out.tflite"
    command = ["prune", str(model), "--data", str(pictures), "--preprocess", "0..1"]
    command += ["--fit", "crop", "--samples", "40", "--layers", "b", "c", "--no-refit"]
    command += ["--pattern", "aligned", "-o", str(output), "--threads", "1"]
    command += ["--block-lanes", "4"]
    assert main(command) == 0
    assert (
        output.read_bytes()
        == ubp.prune_tflite(
            model,
            pictures,
            preprocess=Preprocessing(scale=255.0, fit="crop"),
            samples=40,
            layers=["b", "c"],
            refit=False,
            pattern="aligned",
            block_lanes=4,
            num_threads=1,
        ).model
    )
    assert "2 of 3 layers pruned, " in capsys.readouterr().out


def test_arrays(model: Path, tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(80, SIZE, SIZE, 3))
    np.save(tmp_path / "x.npy", x)
    np.savez(tmp_path / "x.npz", x)
    outputs = []
    for name in ("x.npy", "x.npz"):
        outputs.append(tmp_path / f"{name}.tflite")
        command = ["prune", str(model), "--data", str(tmp_path / name), "-o", str(outputs[-1])]
        assert main(command) == 0
    assert outputs[0].read_bytes() == outputs[1].read_bytes()


def test_convert_at_once(
    tmp_path: Path, pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, plain, packed = (tmp_path / name for name in ("m.tflite", "p.tflite", "s.tflite"))
    model.write_bytes(model_bytes(64))
    command = ["prune", str(model), "--data", str(pictures), "--preprocess", "0..1", "-o"]
    assert main([*command, str(plain)]) == 0
    assert main([*command, str(packed), "--convert"]) == 0
    assert packed.read_bytes() == ubp.convert(plain).model
    assert packed.stat().st_size < plain.stat().st_size
    printed = capsys.readouterr().out
    assert "1 of 3 layers converted" in printed and "passed" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "does not say which values the model takes for their pixels"),
        (["--preprocess", "raw", "--sparsity", "2"], "sparsity is 2.0; expected a number from 0"),
        (["--preprocess", "raw", "--layers", "z"], "'z' matches no layer that can be pruned"),
        (["--preprocess", "raw", "--size", "5,5"], "size is (5, 5); the model takes pictures of"),
        (["--preprocess", "raw", "--signature", "s"], "has no signature 's'; it has none."),
        (["--preprocess", "raw", "--report", "r.html"], "r.html: a report is a .json file"),
        (["--preprocess", "raw", "--data", "nowhere"], "nowhere: no such file or directory."),
    ],
)
def test_mistakes_are_one_sentence_and_nothing_is_written(
    model: Path,
    pictures: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    output = tmp_path / "out.tflite"
    before = sorted(tmp_path.iterdir())
    assert main(["prune", str(model), "--data", str(pictures), "-o", str(output), *arguments]) == 3
    text = capsys.readouterr().err.splitlines()[-1]
    assert text.startswith("ubp: error: ") and message in text
    assert sorted(tmp_path.iterdir()) == before


def test_it_overwrites_only_with_force(
    model: Path, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out.tflite"
    output.write_bytes(b"precious")
    command = ["prune", str(model), "--data", str(pictures), "--preprocess", "raw"]
    assert main([*command, "-o", str(output)]) == 3
    assert "exists already" in capsys.readouterr().err
    assert output.read_bytes() == b"precious"


def test_the_wrong_scale_is_warned_of(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    x = np.random.default_rng(0).normal(size=(80, SIZE, SIZE, 3))
    for factor, warned in ((1, False), (255, True)):
        np.save(tmp_path / "x.npy", x * factor)
        output = tmp_path / f"{factor}.tflite"
        main(["prune", str(model), "--data", str(tmp_path / "x.npy"), "-o", str(output)])
        text = capsys.readouterr().err
        assert ("ubp: warning: " in text and "is the preprocessing the one" in text) == warned


def test_a_killed_run_leaves_nothing(model: Path, pictures: Path, tmp_path: Path) -> None:
    """Killed while it prunes: no file, and no part of one, also not in the temporary folder."""
    spool, out = tmp_path / "spool", tmp_path / "out"
    spool.mkdir()
    out.mkdir()
    model.write_bytes(model_bytes(256))
    command = [sys.executable, "-m", "ubp", "prune", str(model), "--data", str(pictures)]
    command += ["--preprocess", "0..1", "-o", str(out / "pruned.tflite")]
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(spool), "PYTHONPATH": os.pathsep.join(sys.path)},
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "layers: 1 of 3" in line:  # the first is left, the second is being pruned
            break
    time.sleep(0.2)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.returncode == -signal.SIGKILL
    assert not list(spool.iterdir()) and not list(out.iterdir())
