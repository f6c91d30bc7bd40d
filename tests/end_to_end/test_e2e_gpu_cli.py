# SPDX-License-Identifier: Apache-2.0
"""The commands' options for a GPU, each in a process without TensorFlow; here mostly on PoCL."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from single_models import sparse_weights

import ubp
from ubp.tflite.single_operator import single_convolution

Ubp = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """The dense and the converted .tflite file of one layer, of which zeros are in blocks of 4."""
    folder = tmp_path_factory.mktemp("models")
    weights = sparse_weights(np.random.default_rng(0), (128, 1, 1, 64))
    result = ubp.convert(single_convolution(weights, 14, 14))
    assert result.report[0].taken
    dense, sparse = folder / "dense.tflite", folder / "sparse.tflite"
    dense.write_bytes(result.dense)
    result.save(sparse)
    return str(dense), str(sparse)


@pytest.fixture(scope="module")
def run_ubp(gpu_environment: dict[str, str]) -> Ubp:
    """Runs a command."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "ubp", *arguments],
            env=gpu_environment | environment,
            capture_output=True,
            text=True,
        )

    return run


def test_benchmark_on_both(run_ubp: Ubp, models: tuple[str, str], tmp_path: Path) -> None:
    dense, sparse = models
    timings = tmp_path / "timings.json"
    command = ["benchmark", sparse, "--backend", "cpu,gpu", "--rounds", "2", "--json", str(timings)]
    done = run_ubp(*command, "--profile", "--gpu-cache", str(tmp_path / "cache"))
    assert done.returncode == 0, done.stderr
    assert "UBP on gpu" in done.stdout
    assert "the device's kernels, kernel opencl" in done.stdout
    rows = json.loads(timings.read_text())["data"]["timings"]
    names = [f"{sparse} (cpu)", f"{sparse} (gpu)"]
    assert [(row["model"], row["backend"]) for row in rows] == [
        (names[0], "cpu"),
        (names[1], "gpu"),
    ]
    assert rows[0]["speedup"] == 1.0 and rows[1]["speedup"] > 0
    for row in rows:
        assert 0 < row["p10_ms"] <= row["median_ms"]
    profile = rows[1]["profile"]
    assert profile["kernel"] == "opencl" and rows[0]["profile"]["kernel"] != "opencl"
    assert [step["conversion"] for step in profile["steps"]] == [True, False, True]
    assert all(step["mean_us"] >= step["min_us"] > 0 for step in profile["steps"])
    assert any((tmp_path / "cache").iterdir())

    done = run_ubp(*command, "--against", dense, "--force")
    assert done.returncode == 0, done.stderr
    rows = json.loads(timings.read_text())["data"]["timings"]
    assert [row["model"] for row in rows] == [*names, dense]
    assert [row["backend"] for row in rows] == ["cpu", "gpu", ""]
    assert rows[2]["speedup"] == 1.0 and "profile" not in rows[1]


def test_verify(run_ubp: Ubp, models: tuple[str, str]) -> None:
    found = []
    for precision in ("fp32", "fp16_storage"):
        done = run_ubp("verify", *models, "--backend", "gpu", "--precision", precision)
        assert done.returncode == 0 and "passed" in done.stdout, done.stderr
        found.append(done.stdout)
    assert "accepted: 0.0001" in found[0] and "accepted: 0.01" in found[1]


def test_inspect(run_ubp: Ubp, models: tuple[str, str]) -> None:
    done = run_ubp("inspect", models[1], "--backend", "gpu")
    assert "the delegate takes 1 of 1 nodes, kernel opencl" in done.stdout, done.stderr


# As the command does, but on small layers.
CALIBRATE = """
import sys
from ubp.cli import main
from ubp.timing import calibration
calibration._CONVOLUTIONS = ((1, 16, 32, 8), (3, 16, 32, 8))
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.slow
def test_calibrate_for_a_gpu(
    run_ubp: Ubp, models: tuple[str, str], gpu_environment: dict[str, str], tmp_path: Path
) -> None:
    costs = tmp_path / "costs.json"
    command = ["calibrate", "--backend", "gpu", "-o", str(costs), "--rounds", "1"]
    done = subprocess.run(
        [sys.executable, "-c", CALIBRATE, *command],
        env=gpu_environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "of the dense kernel on the GPU" in " ".join(done.stdout.split())
    found = json.loads(costs.read_text())
    assert found["backend"] == "gpu"
    assert all(cost > 0 for cost in found["block"].values())
    output = str(tmp_path / "out.tflite")
    done = run_ubp("convert", models[0], "-o", output, "--costs", str(costs), "--min-speedup", "0")
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_auto_measures_once(run_ubp: Ubp, models: tuple[str, str], tmp_path: Path) -> None:
    options = ["--backend", "auto", "--gpu-cache", str(tmp_path / "cache")]
    done = run_ubp("verify", *models, *options, "--gpu-tune", "on")
    assert done.returncode == 0, done.stderr
    files = sorted(path.name for path in (tmp_path / "cache").rglob("*") if path.is_file())
    assert files
    assert run_ubp("verify", *models, *options).returncode == 0
    assert sorted(path.name for path in (tmp_path / "cache").rglob("*") if path.is_file()) == files


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--precision", "fp16"], "--precision is for a GPU, but --backend is cpu; add --backend"),
        (["--backend", "auto"], "--backend auto goes by measurements that are kept in a folder"),
        (["--backend", "gpu", "--gpu-device", "Voodoo"], "Voodoo"),
    ],
)
def test_wrong_options(
    run_ubp: Ubp, models: tuple[str, str], options: list[str], message: str
) -> None:
    done = run_ubp("verify", *models, *options)
    assert done.returncode == 3
    assert done.stderr.startswith("ubp: error: ") and done.stderr.count("\n") == 1
    assert message in done.stderr


def test_without_opencl(run_ubp: Ubp, models: tuple[str, str], tmp_path: Path) -> None:
    missing = {"UBP_OPENCL_LIBRARY": "/nonexistent"}
    for command in (["verify", *models], ["benchmark", models[1]], ["inspect", models[1]]):
        done = run_ubp(*command, "--backend", "gpu", **missing)
        assert done.returncode == 3
        assert done.stderr == (
            "ubp: error: backend=gpu: no OpenCL library could be opened (tried /nonexistent); "
            "install the OpenCL driver of your GPU and an OpenCL loader (Debian: "
            "ocl-icd-libopencl1), or use backend=cpu.\n"
        )
    done = run_ubp("verify", *models, "--backend", "auto", "--gpu-cache", str(tmp_path), **missing)
    assert done.returncode == 0
    assert done.stderr.count("backend=auto uses the CPU: no OpenCL library") == 1
