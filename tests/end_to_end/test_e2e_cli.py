# SPDX-License-Identifier: Apache-2.0
"""The command line's commands that run models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import OpResolverType

from ubp.cli import main
from ubp.tflite import flatbuffer


@pytest.fixture(scope="module")
def dense(keras: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    inputs = keras.Input((8, 8, 64))
    model = keras.Model(inputs, keras.layers.Conv2D(128, 3)(inputs))
    rng = np.random.default_rng(0)
    model.layers[1].kernel.assign(rng.normal(size=(3, 3, 64, 128)) * (rng.random(128) < 0.2))
    path = tmp_path_factory.mktemp("models") / "model.keras"
    model.save(path)
    return path


@pytest.fixture(scope="module")
def models(dense: Path) -> tuple[Path, Path]:
    """The dense and the converted .tflite file."""
    import ubp

    result = ubp.convert(dense)
    paths = dense.with_name("dense.tflite"), dense.with_name("sparse.tflite")
    paths[0].write_bytes(result.dense)
    result.save(paths[1])
    return paths


def test_convert_verifies(dense: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "out.tflite"
    assert main(["convert", str(dense), "-o", str(output), "--verify"]) == 0
    assert "passed" in capsys.readouterr().out
    assert output.read_bytes()[4:8] == b"TFL3"


def test_a_failed_verification_writes_nothing(
    dense: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from ubp.check import verification as module

    monkeypatch.setitem(module.TOLERANCES, 0, -1.0)
    output = tmp_path / "out.tflite"
    assert main(["convert", str(dense), "-o", str(output), "--verify"]) == 1
    assert not output.exists()
    captured = capsys.readouterr()
    assert "FAILED" in captured.out
    assert captured.err == f"ubp: error: verification failed; {output} was not written.\n"


def test_verify(models: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    command = ["verify", *map(str, models), "--threads", "2"]
    assert main(command) == 0
    assert "passed" in capsys.readouterr().out
    assert main([*command, "--tolerance", "-1"]) == 1
    assert "FAILED" in capsys.readouterr().out


def test_the_interpreter_takes_what_the_standard_one_takes(models: tuple[Path, Path]) -> None:
    import ubp

    content = models[1].read_bytes()
    for interpreter in (
        ubp.Interpreter(model_path=str(models[1])),
        ubp.Interpreter(model_path=models[1], num_threads=2),
        ubp.Interpreter(model_content=content, experimental_preserve_all_tensors=True),
    ):
        interpreter.allocate_tensors()
        interpreter.invoke()
    for wrong in ({}, {"model": content, "model_path": models[1]}):
        with pytest.raises(ValueError, match="models are given, expected one"):
            ubp.Interpreter(**wrong)
    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    ubp.Interpreter(content, experimental_op_resolver_type=plain).allocate_tensors()
    for option, value, reason in (
        ("experimental_op_resolver_type", 3, "Unrecognized passed in op resolver type"),
        ("experimental_preserve_all_tensors", "no", "a value of a wrong type"),
        ("experimental_nothing", 1, "has no option 'experimental_nothing'; its options are"),
        ("nothing", 1, "the delegate has no option 'nothing'; its options are"),
    ):
        with pytest.raises(ValueError, match=reason):
            ubp.Interpreter(content, **{option: value})
    with pytest.raises(ValueError, match=r"a int is no \.tflite file"):
        ubp.Interpreter(3)  # type: ignore[arg-type]
    with pytest.raises(IsADirectoryError, match="a directory"):
        ubp.Interpreter(models[1].parent)


def test_models_are_timed_by_their_paths_and_bytes(models: tuple[Path, Path]) -> None:
    import ubp

    either = {"path": models[1], "text": str(models[0]), "bytes": models[0].read_bytes()}
    result = ubp.benchmark(either, rounds=1, block=1, progress=False)
    assert isinstance(result, ubp.BenchmarkResult)
    assert set(result.timings) == set(either)
    assert all(isinstance(timing, ubp.Timing) for timing in result.timings.values())


def test_verify_on_given_inputs(
    models: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.npy"
    np.save(path, np.random.default_rng(0).normal(size=(5, 8, 8, 64)))
    assert main(["verify", *map(str, models), "--inputs", str(path)]) == 0
    assert "over 5 samples" in capsys.readouterr().out
    np.save(path, np.zeros((5, 8, 8, 3)))
    assert main(["verify", *map(str, models), "--inputs", str(path)]) == 3
    assert "an array of shape (5, 8, 8, 3), expected (1, 8, 8, 64)" in capsys.readouterr().err


def test_convert_measures_and_reports(
    dense: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output, page, data = (tmp_path / name for name in ("out.tflite", "out.html", "out.json"))
    command = ["convert", str(dense), "-o", str(output), "--measure", "--report"]
    assert main([*command, str(page)]) == 0
    assert "measured" in capsys.readouterr().out
    assert 'class="fill measured"' in page.read_text()
    assert main([*command, str(data), "--force"]) == 0
    (layer,) = json.loads(data.read_text())["layers"]
    assert layer["measured"] > 0
    before = output.read_bytes()
    assert main([*command, str(data)]) == 3
    assert main([*command, str(tmp_path / "out.pdf"), "--force"]) == 3
    assert "a report is a page (.html) or .json" in capsys.readouterr().err
    assert output.read_bytes() == before


def test_unpack_gives_the_dense_model_back(
    models: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "dense.tflite"
    assert main(["unpack", str(models[1]), "-o", str(output)]) == 0
    assert f"wrote {output}" in capsys.readouterr().out
    assert main(["verify", str(output), str(models[1])]) == 0
    assert main(["unpack", str(models[1]), "-o", str(output)]) == 3
    assert "exists already" in capsys.readouterr().err
    assert main(["unpack", str(models[0]), "-o", str(output), "--force"]) == 3
    assert "nothing to unpack" in capsys.readouterr().err


def test_verify_of_different_weights_fails(models: tuple[Path, Path], tmp_path: Path) -> None:
    tree = flatbuffer.parse(models[0].read_bytes(), "")
    weights = tree.subgraphs[0].tensors[tree.subgraphs[0].operators[0].inputs[1]].buffer
    values = np.frombuffer(tree.buffers[weights].data, np.float32) * np.float32(1.01)
    tree.buffers[weights].data = values.view(np.uint8)
    other = tmp_path / "other.tflite"
    other.write_bytes(flatbuffer.serialize(tree))
    assert main(["verify", str(other), str(models[1])]) == 1


def test_verify_of_another_network_is_an_error(
    models: tuple[Path, Path],
    tmp_path: Path,
    keras: Any,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import ubp

    inputs = keras.Input((4,))
    other = tmp_path / "other.tflite"
    other.write_bytes(ubp.convert(keras.Model(inputs, keras.layers.Dense(3)(inputs))).dense)
    assert main(["verify", str(other), str(models[1])]) == 3
    assert "ubp: error: the models have different inputs" in capsys.readouterr().err


@pytest.mark.usefixtures("wide_terminal")
def test_inspect_an_ordinary_and_a_converted_model(
    models: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(models[0].parent.iterdir())
    assert main(["inspect", str(models[0])]) == 0
    printed = capsys.readouterr().out
    for expected in ("128x3x3x64", "convert it", "the delegate takes 1 of 1 nodes", "take it"):
        assert expected in printed
    assert "block-sparse layers" not in printed
    assert main(["inspect", str(models[1])]) == 0
    printed = capsys.readouterr().out
    for expected in ("UbpConv2D", "block_size 1", "padding VALID", "value_type F32", "take it"):
        assert expected in printed
    assert sorted(models[0].parent.iterdir()) == before


@pytest.mark.usefixtures("wide_terminal")
def test_inspect_says_why_a_layer_is_left(
    keras: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inputs = keras.Input((8, 8, 64))
    path = tmp_path / "dense.keras"
    keras.Model(inputs, keras.layers.Conv2D(32, 1)(inputs)).save(path)
    assert main(["inspect", str(path)]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "the delegate takes 0 of 1 nodes" in printed
    assert "leave: no block-sparse layer is near." in printed


def test_benchmark(
    models: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dense, sparse = models
    timings = tmp_path / "timings.json"
    command = ["benchmark", str(sparse), "--rounds", "2", "--json", str(timings)]
    assert main([*command, "--against", str(dense), "--threads", "1,2"]) == 0
    rows = json.loads(timings.read_text())["data"]["timings"]
    assert [(row["model"], row["threads"]) for row in rows] == [
        (str(path), threads) for threads in (1, 2) for path in (sparse, dense)
    ]
    assert all(0 < row["p10_ms"] <= row["median_ms"] <= row["p90_ms"] for row in rows)
    assert rows[1]["speedup"] == 1.0
    assert "median ms" in capsys.readouterr().out
    assert main(command) == 3
    assert "exists already" in capsys.readouterr().err
    assert main([*command, "--force"]) == 0
    assert "speedup" not in json.loads(timings.read_text())["data"]["timings"][0]


def test_calibrate_writes_what_convert_reads(
    models: tuple[Path, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from ubp.timing import calibration as module

    monkeypatch.setattr(module, "_CONVOLUTIONS", ((1, 16, 32, 8), (3, 16, 32, 8)))
    monkeypatch.setattr(module, "_FULLY_CONNECTED", ((32, 64),))
    costs, output = tmp_path / "costs.json", tmp_path / "out.tflite"
    assert main(["calibrate", "-o", str(costs), "--rounds", "3"]) == 0
    captured = capsys.readouterr()
    assert f"wrote {costs}" in captured.out and "block, one pixel" in captured.out
    command = ["convert", str(models[0]), "-o", str(output), "--costs", str(costs)]
    assert main([*command, "--min-speedup", "0"]) == 0
    assert main(["calibrate", "-o", str(costs)]) == 3
    assert "exists already" in capsys.readouterr().err
    assert main(["benchmark", "--calibrate", str(costs), "--force"]) == 0
    assert "ubp: warning: --calibrate is now 'ubp calibrate'" in capsys.readouterr().err
    assert main(["benchmark"]) == 3
    assert "name the .tflite file to time" in capsys.readouterr().err
