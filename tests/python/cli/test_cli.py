# SPDX-License-Identifier: Apache-2.0
"""The command line without an interpreter: convert, help, and every error as one sentence.

tests/end_to_end runs the commands that need the delegate.
"""

from __future__ import annotations

import re
from pathlib import Path

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

import ubp
from ubp.cli import main


def conv_model(weights: np.ndarray) -> bytes:
    """One 1x1 convolution with these weights [channels, 1, 1, in_channels]."""
    channels, in_channels = weights.shape[0], weights.shape[3]
    tensors = [
        schema.TensorT(shape=[1, 8, 8, in_channels], name="x"),
        schema.TensorT(shape=list(weights.shape), name="layer/w", buffer=1),
        schema.TensorT(shape=[1, 8, 8, channels], name="y"),
    ]
    operator = schema.OperatorT(
        inputs=[0, 1],
        outputs=[2],
        builtinOptions=schema.Conv2DOptionsT(strideW=1, strideH=1),
        builtinOptionsType=schema.BuiltinOptions.Conv2DOptions,
    )
    code = schema.BuiltinOperator.CONV_2D
    model = schema.ModelT(
        version=3,
        operatorCodes=[schema.OperatorCodeT(builtinCode=code, deprecatedBuiltinCode=code)],
        subgraphs=[schema.SubGraphT(tensors, inputs=[0], outputs=[2], operators=[operator])],
        buffers=[schema.BufferT(), schema.BufferT(np.frombuffer(weights.tobytes(), np.uint8))],
    )
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A .tflite file with one layer, 94% zero in blocks of four channels."""
    weights = np.zeros((64, 1, 1, 64), np.float32)
    weights[8:12] = 1.5
    path = tmp_path / "model.tflite"
    path.write_bytes(conv_model(weights))
    return path


def error_of(capsys: pytest.CaptureFixture[str]) -> str:
    """What was printed on standard error: one line that begins as every error does."""
    text = capsys.readouterr().err
    assert text.startswith("ubp: error: ")
    assert text.count("\n") == 1
    return text


def test_convert_writes_what_the_function_returns(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out.tflite"
    assert main(["convert", str(model), "-o", str(output)]) == 0
    result = ubp.convert(model)
    assert output.read_bytes() == result.model
    printed = capsys.readouterr().out
    assert "layer/w" in printed
    assert f"1 of 1 layers converted; {len(result.dense)} -> {len(result.model)} bytes" in printed


def test_convert_options_reach_the_function(model: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.tflite"
    options = ["--block-size", "2", "--weights", "bf16", "--min-speedup", "0"]
    assert main(["convert", str(model), "-o", str(output), *options]) == 0
    expected = ubp.convert(model, block_size=2, weights="bf16", min_speedup=0)
    assert output.read_bytes() == expected.model


def test_convert_overwrites_only_with_force(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out.tflite"
    output.write_bytes(b"precious")
    command = ["convert", str(model), "-o", str(output)]
    assert main(command) == 3
    assert f"{output} exists already; choose another name, or overwrite it with --force" in (
        error_of(capsys)
    )
    assert output.read_bytes() == b"precious"
    assert main([*command, "--force"]) == 0
    assert output.read_bytes() == ubp.convert(model).model


def test_a_layer_without_gain_is_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "dense.tflite"
    path.write_bytes(conv_model(np.ones((64, 1, 1, 64), np.float32)))
    assert main(["convert", str(path), "-o", str(tmp_path / "out.tflite")]) == 0
    printed = capsys.readouterr().out
    assert "0 of 1 layers converted" in printed
    assert "keep: predicted" in printed


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("convert {dir}/nowhere.tflite -o {dir}/o.tflite", "nowhere.tflite: no such file."),
        ("convert {dir}/notes.txt -o {dir}/o.tflite", "notes.txt: not a TensorFlow Lite model"),
        ("convert {dir}/cut.tflite -o {dir}/o.tflite", "cut.tflite: damaged"),
        ("convert {dir} -o {dir}/o.tflite", "a directory without a saved_model.pb; expected"),
        ("convert {dir}/zip -o {dir}/o.tflite", "zip: a zip archive that is no Keras model"),
        ("convert {dir}/model.tflite -o {dir}/no/o.tflite", "no: no such directory."),
        ("convert {dir}/model.tflite -o {dir}", "a directory, expected the name of a file"),
        ("convert {dir}/model.tflite -o {dir}/notes.txt/o", "notes.txt: a file, expected a direc"),
        ("convert {dir}/model.tflite -o -", "not written to standard output; name a file."),
        ("convert {dir}/model.tflite -o {dir}/o --min-speedup nan", "min_speedup is nan; expected"),
        ("inspect {dir}/nowhere.tflite", "nowhere.tflite: no such file."),
        ("inspect {dir}", "a directory without a saved_model.pb; expected"),
        ("unpack {dir}/zip -o {dir}/o.tflite", "zip: a Keras file, expected a .tflite file"),
        ("unpack {dir} -o {dir}/o.tflite", "a directory, expected a .tflite file"),
        ("unpack {dir}/model.tflite -o {dir}/o.tflite", "nothing to unpack"),
        ("verify {dir}/zip {dir}/sparse.tflite", "zip: a Keras file, expected a .tflite file"),
        ("verify {dir}/model.tflite {dir}/hdf5", "hdf5: a Keras file, expected a .tflite file"),
        ("verify {dir}/model.tflite {dir}/notes.txt", "not a TensorFlow Lite model"),
        ("verify {dir}/nowhere.tflite {dir}/model.tflite", "nowhere.tflite: no such file."),
        ("verify {dir}/model.tflite {dir}/nowhere.tflite", "nowhere.tflite: no such file."),
        ("verify {dir}/sparse.tflite {dir}/sparse.tflite", "the dense model is a converted one"),
        ("benchmark {dir}/nowhere.tflite", "nowhere.tflite: no such file."),
        ("benchmark {dir}/hdf5", "hdf5: a Keras file, expected a .tflite file; 'ubp convert'"),
        ("benchmark {dir}", "a directory, expected a .tflite file"),
        ("benchmark {dir}/notes.txt", "notes.txt: not a TensorFlow Lite model"),
        ("benchmark {dir}/model.tflite --json {dir}/notes.json", "notes.json exists already"),
        ("benchmark {dir}/model.tflite --csv {dir}/notes.txt", "notes.txt exists already"),
        ("benchmark {dir}/model.tflite --rounds 0", "rounds is 0"),
    ],
)
def test_errors_are_one_sentence_and_write_nothing(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, message: str
) -> None:
    for name in ("notes.txt", "notes.json"):
        (tmp_path / name).write_text("just some notes")
    (tmp_path / "zip").write_bytes(b"PK\x03\x04 of something else")
    (tmp_path / "hdf5").write_bytes(b"\x89HDF\r\n\x1a\n")
    (tmp_path / "cut.tflite").write_bytes(model.read_bytes()[:200])
    ubp.convert(model).save(tmp_path / "sparse.tflite")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert main(command.format(dir=tmp_path).split()) == 3
    assert message in error_of(capsys)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_missing_delegate_is_one_sentence(
    model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("UBP_DELEGATE", str(tmp_path / "nowhere.so"))
    output = tmp_path / "o.tflite"
    for command in (
        ["convert", str(model), "-o", str(output), "--verify"],
        ["inspect", str(model)],
    ):
        assert main(command) == 3
        assert "UBP_DELEGATE names" in error_of(capsys)
    assert not output.exists()


@pytest.mark.parametrize(
    "command",
    [
        *("prune", "convert", "unpack", "inspect", "verify", "benchmark", "calibrate"),
        "android-benchmark",
        "completion",
    ],
)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    assert end.value.code == 0
    printed = capsys.readouterr().out
    assert f"examples:\n  ubp {command} " in printed


def test_the_program_explains_the_way_and_lists_the_commands(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    printed = capsys.readouterr().out
    listed = re.findall(r"^    ([a-z-]+)(?:  |$)", printed, re.MULTILINE)
    assert listed == [
        *("prune", "convert", "unpack", "inspect", "verify", "benchmark", "calibrate", "profile"),
        *("map", "devices", "doctor", "android-benchmark", "completion"),
    ]
    for step in ("ubp inspect", "ubp convert", "ubp benchmark"):
        assert f"'{step}'" in printed


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["unknown"],
        ["convert", "m.tflite"],
        ["convert", "m.tflite", "-o", "o", "--block-size", "3"],
        ["convert", "m.tflite", "-o", "o", "--weights", "int8"],
        ["benchmark", "m.tflite", "--threads", "0"],
        ["benchmark", "m.tflite", "--threads", "1,two"],
        ["android-benchmark", "m.tflite"],
        ["calibrate"],
        ["benchmark", "m.tflite", "--backend", "tpu"],
        ["benchmark", "m.tflite", "--backend", "gpu,gpu"],
        ["verify", "a.tflite", "b.tflite", "--backend", "cpu,gpu"],
        ["verify", "a.tflite", "b.tflite", "--backend", "gpu", "--precision", "fp8"],
        ["calibrate", "-o", "costs.json", "--backend", "auto"],
    ],
)
def test_wrong_usage_has_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert "usage: ubp" in capsys.readouterr().err
