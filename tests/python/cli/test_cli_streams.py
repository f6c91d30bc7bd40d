# SPDX-License-Identifier: Apache-2.0
"""The command line as a process: readers that go away, full disks, `python -m ubp`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from test_cli import model  # noqa: F401 - a fixture

import ubp


def run(
    *arguments: object, stdout: int | None = subprocess.PIPE
) -> subprocess.CompletedProcess[str]:
    """`python -m ubp` with these arguments; a broken pipe is a signal to no Python program."""
    command = [sys.executable, "-m", "ubp", *map(str, arguments)]
    return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False)


@pytest.fixture
def closed_pipe() -> int:
    """The writing end of a pipe that nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    return writing


def test_a_model_is_written_although_nobody_reads_what_is_printed(
    model: Path,  # noqa: F811
    tmp_path: Path,
    closed_pipe: int,
) -> None:
    output, report = tmp_path / "out.tflite", tmp_path / "out.json"
    process = run("convert", model, "-o", output, "--report", report, stdout=closed_pipe)
    assert (process.returncode, process.stderr) == (0, "")
    assert output.read_bytes() == ubp.convert(model).model
    assert report.is_file()
    for command in (("unpack", output, "-o", tmp_path / "dense.tflite"), ("--help",)):
        process = run(*command, stdout=closed_pipe)
        assert (process.returncode, process.stderr) == (0, "")
    assert (tmp_path / "dense.tflite").is_file()


def test_a_full_disk_behind_standard_output_is_one_sentence(
    model: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    output = tmp_path / "out.tflite"
    with Path("/dev/full").open("w") as full:
        process = run("convert", model, "-o", output, stdout=full.fileno())
    assert process.returncode == 3
    assert process.stderr == "ubp: error: standard output: No space left on device.\n"
    assert output.is_file()


def test_a_full_disk_names_the_file(model: Path) -> None:  # noqa: F811
    process = run("convert", model, "-o", "/dev/full")
    assert process.returncode == 3
    assert process.stderr == "ubp: error: /dev/full: No space left on device.\n"


def test_what_c_has_buffered_is_not_behind_the_object() -> None:
    program = (
        "import ctypes\n"
        "from ubp.cli.streams import onto_standard_error\n"
        "c = ctypes.CDLL(None)\n"
        "c.puts(b'before')\n"
        "with onto_standard_error():\n"
        "    c.puts(b'within')\n"
        "print('{}', flush=True)\n"
    )
    buffered = {name: each for name, each in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=buffered, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("before\n{}\n", "within\n")


def test_the_command_is_a_module_and_has_a_version() -> None:
    process = run("--version")
    assert (process.returncode, process.stdout) == (0, f"ubp {ubp.__version__}\n")


def test_help_lists_whole_sentences() -> None:
    printed = " ".join(run("--help").stdout.split())
    assert "turn a converted model back into a standard .tflite file" in printed


def test_a_model_may_take_its_own_place(model: Path) -> None:  # noqa: F811
    expected = ubp.convert(model).model
    assert run("convert", model, "-o", model, "--force").returncode == 0
    assert model.read_bytes() == expected
