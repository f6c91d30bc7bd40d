# SPDX-License-Identifier: Apache-2.0
"""What all commands have in common: exit statuses, --json, --quiet, --verbose."""

from __future__ import annotations

import json
import os
import re
import sys
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from single_models import one_conv
from test_cli_prune import SIZE, model_bytes

import ubp
from ubp.check.verification import Verification
from ubp.cli import main
from ubp.cli.outcome import document, plain
from ubp.cli.streams import onto_standard_error
from ubp.costs import DEFAULT_COSTS
from ubp.mapping.scheme_mapping import LayerScheme

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "command-line.md").read_text("utf-8")

# Command line, exit status, and what is spoiled for that.
CASES = [
    ("prune three.tflite --data x.npy -o out.tflite", 0, ""),
    ("prune three.tflite --data x.npy -o out.tflite --convert", 1, "verification"),
    ("prune three.tflite -o out.tflite", 2, ""),
    ("prune three.tflite --data none.npy -o out.tflite", 3, ""),
    ("convert model.tflite -o out.tflite --verify", 0, ""),
    ("convert model.tflite -o out.tflite --verify", 1, "verification"),
    ("convert model.tflite", 2, ""),
    ("convert none.tflite -o out.tflite", 3, ""),
    ("unpack sparse.tflite -o out.tflite", 0, ""),
    ("unpack sparse.tflite", 2, ""),
    ("unpack model.tflite -o out.tflite", 3, ""),
    ("inspect sparse.tflite", 0, ""),
    ("inspect", 2, ""),
    ("inspect none.tflite", 3, ""),
    ("verify model.tflite sparse.tflite", 0, ""),
    ("verify other.tflite sparse.tflite", 1, ""),
    ("verify model.tflite", 2, ""),
    ("verify sparse.tflite sparse.tflite", 3, ""),
    ("benchmark sparse.tflite --rounds 1 --against model.tflite --csv out.csv", 0, ""),
    ("benchmark sparse.tflite --threads none", 2, ""),
    ("benchmark none.tflite", 3, ""),
    ("calibrate -o costs.json", 0, ""),
    ("calibrate", 2, ""),
    ("calibrate -o nowhere/costs.json", 3, ""),
    ("profile -o latency.json", 0, ""),
    ("profile", 2, ""),
    ("profile -o latency.json --held-out 3", 3, ""),
    ("map model.keras --speedup 2 -o mapping.json", 0, ""),
    ("map model.keras -o mapping.json", 2, ""),
    ("map model.keras --speedup 2 -o mapping.json --data x.npy", 3, ""),
    ("devices", 0, ""),
    ("devices --all", 2, ""),
    ("devices", 3, "delegate"),
    ("doctor", 0, ""),
    ("doctor", 1, "package"),
    ("doctor --all", 2, ""),
    ("android-benchmark", 2, ""),
    ("android-benchmark sparse.tflite --delegate d.so --benchmark-model b", 3, "path"),
    ("completion bash", 0, ""),
    ("completion tcsh", 2, ""),
]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with models in it; what measures for long returns at once."""
    # OpenCL on a CPU and TensorFlow do not go together in one process.
    monkeypatch.setenv("UBP_OPENCL_LIBRARY", str(tmp_path / "none.so"))
    monkeypatch.chdir(tmp_path)
    weights = np.zeros((64, 1, 1, 64), np.float32)
    weights[8:12] = 1.5
    bias = np.zeros(64, np.float32)
    Path("model.tflite").write_bytes(one_conv(weights, bias))
    Path("other.tflite").write_bytes(one_conv(-weights, bias))
    ubp.convert("model.tflite").save("sparse.tflite")
    Path("three.tflite").write_bytes(model_bytes())
    np.save("x.npy", np.random.default_rng(0).normal(size=(70, SIZE, SIZE, 3)))
    monkeypatch.setattr("ubp.timing.calibration.calibrate", lambda *_: DEFAULT_COSTS)
    model = ubp.LatencyModel(DEFAULT_COSTS)
    monkeypatch.setattr("ubp.timing.grid.measure_device", lambda **_: model)
    scheme = LayerScheme("layer", 8, 8, 4, 2, 5.0, 10.0, 0.9)
    mapping = ubp.SchemeMapping("m", "rules", (scheme,), 5.0, 5.0, 10.0, 0.0, 0.0)
    monkeypatch.setattr("ubp.conversion.load.loader.load_keras", lambda path: None)
    # The real one loads TensorFlow.
    schemes = SimpleNamespace(map_schemes=lambda *_, **__: mapping)
    monkeypatch.setitem(sys.modules, "ubp.mapping.schemes", schemes)
    return tmp_path


def spoil(what: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has a command fail, or come to a negative verdict."""
    if what == "verification":
        wrong = Verification(max_abs_error=1.0, output_range=1.0, tolerance=1e-4)
        monkeypatch.setattr("ubp.check.verification.verify", lambda *_, **__: wrong)
    elif what == "delegate":
        monkeypatch.setenv("UBP_DELEGATE", str(folder / "none.so"))
    elif what == "path":
        monkeypatch.setenv("PATH", str(folder))
    elif what == "package":
        real = metadata.version
        monkeypatch.setattr(
            metadata, "version", lambda name: "0.1" if name == "numpy" else real(name)
        )


def status_of(arguments: list[str]) -> int:
    """The exit status; argparse ends the program itself."""
    try:
        return main(arguments)
    except SystemExit as end:
        return int(end.code or 0)


def printed_json(capsys: pytest.CaptureFixture[str]) -> Any:
    """What is on standard output, which has to be one object; numbers in it are finite."""
    return json.loads(capsys.readouterr().out, parse_constant=pytest.fail)


@pytest.mark.parametrize(("line", "status", "spoiled"), CASES)
def test_exit_status_and_json(
    line: str,
    status: int,
    spoiled: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    spoil(spoiled, folder, monkeypatch)
    before = set(folder.iterdir())
    assert status_of(line.split()) == status
    text = capsys.readouterr()
    assert ("ubp: error: " in text.err or ("ubp" in text.err and status == 2)) == (status != 0)
    written = set(folder.iterdir()) - before
    for path in written:
        path.unlink()
    assert status_of([*line.split(), "--json"]) == status
    found = printed_json(capsys)
    assert list(found) == [
        *("schema_version", "command", "ubp_version", "machine", "verdict", "exit_status"),
        *("error", "warnings", "data"),
    ]
    assert (found["schema_version"], found["ubp_version"]) == (1, ubp.__version__)
    assert (found["command"], found["exit_status"]) == (line.split()[0], status)
    assert found["verdict"] == {0: "passed", 1: "failed"}.get(status, "error")
    assert list(found["machine"]) == ["processor", "architecture", "cores", "system", "python"]
    assert (found["error"] is None) == (status == 0)
    assert (found["data"] is None) == (status > 1)
    assert set(folder.iterdir()) - before == written
    if status < 2:
        assert {Path(path).name for path in found["data"].get("written", [])} == {
            path.name for path in written
        }


def test_the_table_has_every_command_and_every_status_of_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert status_of(["--help"]) == 0
    listed = re.findall(r"^    ([a-z-]+)(?:  |$)", capsys.readouterr().out, re.MULTILINE)
    statuses = {
        name: {status for line, status, _ in CASES if line.split()[0] == name} for name in listed
    }
    # With a device; cannot fail.
    not_here = {"android-benchmark": {0}, "completion": {3}, "doctor": {3}}
    for name, found in statuses.items():
        assert found | not_here.get(name, set()) >= {0, 2, 3}, name
    assert {name for name, found in statuses.items() if 1 in found} == {
        *("convert", "prune", "verify", "doctor")
    }


@pytest.mark.parametrize("line", sorted({line for line, status, _ in CASES if status == 0}))
def test_the_page_lists_the_fields_of_the_data(
    line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main([*line.split(), "--json"])
    data = printed_json(capsys)["data"]
    (row,) = re.findall(rf"^\| .*`{line.split()[0]}`.* \| (.*) \|$", PAGE, re.MULTILINE)
    row = row.replace("the fields of `ubp.Verification`", " ".join(f"`{name}`" for name in data))
    assert {name for name in data if f"`{name}`" not in row} <= {"written"}


def test_a_model_is_never_written_over_by_json(capsys: pytest.CaptureFixture[str]) -> None:
    before = Path("sparse.tflite").read_bytes()
    assert status_of(["inspect", "--force", "--json", "sparse.tflite"]) == 2
    assert "'sparse.tflite' is no name of a .json file; put --json last" in capsys.readouterr().err
    assert Path("sparse.tflite").read_bytes() == before


def test_json_in_a_file_beside_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["inspect", "sparse.tflite", "--json", "out.json"]
    assert main(command) == 0
    assert "block-sparse layers" in capsys.readouterr().out
    assert json.loads(Path("out.json").read_text())["data"]["delegate"]["nodes"][0]["taken"]
    assert main(command) == 3
    assert "out.json exists already" in capsys.readouterr().err
    assert main(["inspect", "none.tflite", "--json", "out.json", "--force"]) == 3
    assert "no such file" in json.loads(Path("out.json").read_text())["error"]


@pytest.mark.parametrize(
    "line",
    [
        "prune three.tflite --data x.npy -o out.json --report out.json",
        "convert model.tflite -o out.json --report ./out.json",
        "convert model.tflite -o out.json --json out.json",
        "convert model.tflite -o out.tflite --report out.json --json out.json",
        "unpack sparse.tflite -o out.json --json out.json",
        "benchmark sparse.tflite --csv out.json --json out.json",
        "benchmark --calibrate out.json --json out.json",
        "calibrate -o out.json --json out.json",
        "profile -o out.json --json out.json",
        "map model.keras --speedup 2 -o out.json --report out.json",
        "map model.keras --speedup 2 -o out.json --json out.json",
    ],
)
def test_two_outputs_of_one_name_are_refused_before_any_work(
    line: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = set(folder.iterdir())
    assert main([*line.split(), "--force"]) == 3
    said = "out.json is named for two outputs; expected a file of its own for each.\n"
    assert capsys.readouterr().err == f"ubp: error: {said}"
    assert set(folder.iterdir()) == before


def test_outputs_of_one_name_are_told_in_the_object(folder: Path) -> None:
    command = "convert model.tflite -o out.json --report out.json --json told.json"
    assert main(command.split()) == 3
    assert "is named for two outputs" in json.loads(Path("told.json").read_text())["error"]
    assert not Path("out.json").exists()


def test_warnings_are_in_the_object_and_on_standard_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    np.save("x.npy", 255 * np.load("x.npy"))
    assert main(["prune", "three.tflite", "--data", "x.npy", "-o", "out.tflite", "--json"]) == 0
    text = capsys.readouterr()
    found = json.loads(text.out)["warnings"]
    assert any("is the preprocessing the one" in warning for warning in found)
    assert f"ubp: warning: {found[0]}" in text.err


def test_quiet_says_nothing_but_errors(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prune", "three.tflite", "--data", "x.npy", "-o", "out.tflite", "-q"]) == 0
    assert capsys.readouterr() == ("", "")
    assert main(["verify", "other.tflite", "sparse.tflite", "--quiet"]) == 1
    text = capsys.readouterr()
    assert (text.out, text.err.count("\n")) == ("", 1)
    assert "sparse.tflite does not compute what other.tflite does." in text.err
    assert status_of(["doctor", "-q", "-v"]) == 2


def test_verbose_says_more_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", "sparse.tflite"]) == 0
    plain_text = capsys.readouterr()
    assert main(["inspect", "sparse.tflite", "-v"]) == 0
    text = capsys.readouterr()
    assert (text.out, plain_text.err) == (plain_text.out, "")
    assert f"ubp: info: ubp {ubp.__version__}, Python " in text.err
    assert "ubp: info: exit status 0 after " in text.err
    assert main(["inspect", "none.tflite", "-v"]) == 3
    assert "Traceback" in capsys.readouterr().err


def test_a_fault_of_ours_has_status_3_and_is_told_as_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("ubp.runtime.devices.list_devices", lambda: {}["a"])
    assert main(["devices", "--json"]) == 3
    text = capsys.readouterr()
    assert (
        "Traceback" in text.err and "ubp: error: KeyError: 'a' This is a fault of ubp" in text.err
    )
    assert json.loads(text.out)["error"].startswith("KeyError: 'a' This is a fault")


def test_interrupted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ubp.runtime.devices.list_devices", interrupt)
    assert main(["devices", "--json"]) == 130
    text = capsys.readouterr()
    assert text.err == "ubp: error: interrupted.\n"
    assert json.loads(text.out)["verdict"] == "error"


def test_what_others_print_is_not_on_standard_output(capfd: pytest.CaptureFixture[str]) -> None:
    with onto_standard_error():
        print("from Python")
        os.write(1, b"from C\n")
    print("after it")
    os.write(1, b"and again\n")
    text = capfd.readouterr()
    assert sorted(text.out.split("\n")) == ["", "after it", "and again"]
    assert sorted(text.err.split("\n")) == ["", "from C", "from Python"]


def test_plain_values() -> None:
    value = {1: (np.float32(0.5), np.int64(2), np.bool_(True)), "x": float("inf"), "y": [Path("a")]}
    assert plain(value) == {"1": [0.5, 2, True], "x": None, "y": ["a"]}
    assert json.loads(document(None, 2, error="no"))["command"] is None
    with pytest.raises(TypeError, match="object is nothing that JSON can hold"):
        plain([object()])
