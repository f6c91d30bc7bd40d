# SPDX-License-Identifier: Apache-2.0
"""The benchmark on a GPU: its cases, its reports, its peers, and a quick run of it on PoCL."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bench_reports import DATE, MACHINE, written_page

import ubp
from bench.gpu.__main__ import main
from bench.gpu.cases import DENSE, QUICK_LAYERS, Case, Choice, read_cases, write_cases
from bench.gpu.report import (
    Device,
    Report,
    Result,
    draw,
    layer_cells,
    network_cells,
    values,
)
from bench.harness.results import from_json, to_json
from ubp.runtime.running import open_interpreter

GPU = Device("Mali-G78", 500.0, "fp32", False)
LAYER = Case("512x512@14", "layer", "l.tflite", "", DENSE, 1, False, 32, 51_380_224, 6272, 512, 512)
NETWORK = Case("ResNet50", "network", "r.tflite", "o.tflite", DENSE, 1, False, 1)


def report(*results: Result, device: Device = GPU) -> Report:
    return Report(DATE, MACHINE, device, 3, [*results])


def test_speed_ups_are_over_the_own_dense_kernel_of_the_batch() -> None:
    dense = Result(LAYER, kernels_us=6576.7, cpu_us=9e4, clblast_us=5000.0)
    sparse = Result(replace(LAYER, sparsity=90, block_size=8), kernels_us=1000.0, cpu_us=1e4)
    other = Result(replace(LAYER, batch=1), kernels_us=1.0, cpu_us=1.0)
    both = report(other, dense, sparse)
    assert layer_cells(both, dense) == [
        "512x512@14", "32", "dense", "6576.7", "50%", "", "90000", "5000.0"
    ]  # fmt: skip
    assert layer_cells(both, sparse)[2:6] == ["90% N=8", "1000.0", "33%", "6.58x"]
    assert layer_cells(report(sparse), sparse)[5] == ""


def test_networks_are_compared_by_whole_inferences() -> None:
    dense = Result(NETWORK, 9e3, 5e4, 6e4, inference_us=1e4, launches=60)
    sparse = Result(replace(NETWORK, sparsity=80, block_size=4), 3e3, 1e4, 6e4, 4e3, 58)
    both = report(dense, sparse)
    assert network_cells(both, sparse) == [
        "ResNet50", "1", "80% N=4", "4.00", "3.00", "58", "2.50x", "10.00", "60.00"
    ]  # fmt: skip


def test_results_survive_json() -> None:
    original = report(Result(LAYER, 1.0, 2.0, clblast_us=3.0))
    assert from_json(Report, to_json(original)) == original


def test_a_page_is_of_a_gpu_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dense = Result(LAYER, kernels_us=6576.7, cpu_us=9e4)
    page = written_page(main, "gpu", report(dense), tmp_path, monkeypatch)
    assert "Mali-G78" in page and "| 512x512@14 |" in page
    with pytest.raises(ValueError, match="which is no GPU"):
        values(report(dense, device=replace(GPU, name="pthread-x86")))


def test_a_picture_is_drawn(tmp_path: Path) -> None:
    dense = Result(LAYER, kernels_us=6576.7, cpu_us=9e4)
    sparse = Result(replace(LAYER, sparsity=90, block_size=8), kernels_us=1000.0, cpu_us=1e4)
    draw(tmp_path / "gpu.png", report(dense, sparse))
    assert (tmp_path / "gpu.png").stat().st_size > 5000


def test_cases_have_the_zeros_that_they_say(tmp_path: Path) -> None:
    choice = Choice(QUICK_LAYERS, [], [80], [4], [1, 2])
    cases = write_cases(choice, tmp_path)
    assert read_cases(tmp_path) == cases
    assert [case.weights for case in cases[::2]] == ["dense", "80% N=4", "80% N=4 aligned"]
    for case in cases:
        data = (tmp_path / case.file).read_bytes()
        interpreter = open_interpreter(data, case.file, delegate=True)
        (details,) = interpreter.get_input_details()
        assert np.array_equal(details["shape"], [1, 14, 14, 32])
        if case.sparsity != DENSE:
            (row,) = ubp.convert(ubp.unpack(data), case.block_size, min_speedup=0).report
            assert row.sparsity == pytest.approx(case.sparsity / 100, abs=0.02)
    assert [case.rows for case in cases] == [196, 392, 0, 0, 0, 0]
    with pytest.raises(FileNotFoundError, match="--prepare"):
        read_cases(tmp_path / "elsewhere")


# PoCL and TensorFlow do not bear each other in one process.
_PEERS = """
from bench.gpu.opencl import Device
from bench.gpu.peers import ClBlast, peak_gmacs
device = Device()
assert peak_gmacs(device) > 0.01
try:
    blast = ClBlast(device)
except FileNotFoundError as error:
    assert "libclblast1" in str(error)
else:
    assert blast.product_us(256, 64, 32) > 0  # which compares the result
try:
    Device("no such device")
except RuntimeError as error:
    assert "no OpenCL device is called 'no such device'" in str(error)
"""


@pytest.mark.slow
def test_peers_run_on_pocl() -> None:
    subprocess.run([sys.executable, "-c", _PEERS], check=True, timeout=300)


@pytest.mark.slow
def test_a_quick_run(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    prepared = tmp_path / "cases"
    write_cases(Choice(QUICK_LAYERS, [], [80], [4], [1]), prepared)
    assert main(["--quick", "--cases", str(prepared), "--output", str(tmp_path / "out")]) == 0
    shown = capfd.readouterr().out
    assert "32x32@14" in shown and "no GPU" in shown
    assert (tmp_path / "out" / "gpu.json").is_file() and (tmp_path / "out" / "gpu.png").is_file()
