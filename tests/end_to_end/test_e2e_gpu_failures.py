# SPDX-License-Identifier: Apache-2.0
"""GPUs that are not there, are lost or hang: the standard interpreter fails with a sentence.

Each case is a process of its own, with a library of OpenCL that does what it is told.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fake_opencl import ROOT
from single_models import one_conv, sparse_weights

import ubp

HOST = Path(__file__).with_name("gpu_failures.py")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    weights = sparse_weights(np.random.default_rng(0), (64, 1, 1, 64))
    path = tmp_path_factory.mktemp("model") / "model.tflite"
    ubp.convert(one_conv(weights), min_speedup=0).save(path)
    return path


def meet(model: Path, failure: str, *options: str, **environment: str | Path) -> tuple[str, str]:
    """What the process says of the failure, and what the delegate logs; then it used the CPU."""
    done = subprocess.run(
        [sys.executable, HOST, model, failure, *options],
        env=os.environ
        | {"PYTHONPATH": str(ROOT / "python")}
        | {name: str(value) for name, value in environment.items()},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    said, end = done.stdout.splitlines()
    assert end == "the CPU goes on"
    return said, done.stderr


@pytest.mark.parametrize(
    ("settings", "options", "sentence"),
    [
        ("devices=0", [], "there is an OpenCL library and no device; install"),
        ("version=OpenCL 1.1 x", [], "'Fake GPU' (which has OpenCL 1.1, and 1.2 is needed)"),
        ("", ["gpu_device=Mali"], "no OpenCL device that can be used is 'Mali'; there are: 0"),
        ("", ["precision=fp16"], "'Fake GPU' does not compute in half precision"),
        ("fail=clCreateContext", [], "clCreateContext with CL_OUT_OF_RESOURCES"),
    ],
)
def test_no_delegate_is_made(
    fake: Path, model: Path, settings: str, options: list[str], sentence: str
) -> None:
    said, _ = meet(model, "load", *options, UBP_OPENCL_LIBRARY=fake, FAKE_OPENCL=settings)
    assert said.startswith("DelegateError backend=gpu: ")
    assert sentence in said


def test_no_library(model: Path, tmp_path: Path) -> None:
    said, log = meet(model, "load", UBP_OPENCL_LIBRARY=tmp_path / "libOpenCL.so")
    assert said.startswith("DelegateError backend=gpu: no OpenCL library could be opened")
    assert log == "", "the CPU is what auto means here, and nothing was to be measured"


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ("log=error: no such builtin", "clBuildProgram for '"),
        ("fail=clCreateBuffer\ncode=-4", "CL_MEM_OBJECT_ALLOCATION_FAILURE: it has too little"),
    ],
)
def test_a_model_that_cannot_be_brought_to_the_device(
    fake: Path, model: Path, settings: str, sentence: str
) -> None:
    said, log = meet(model, "load", UBP_OPENCL_LIBRARY=fake, FAKE_OPENCL=settings)
    assert said.startswith("RuntimeError ")
    assert sentence in said + log


@pytest.mark.parametrize("code", [-2, -5, -36])
@pytest.mark.parametrize("call", [0, 3])
def test_a_run_fails_where_a_call_does(fake: Path, model: Path, call: int, code: int) -> None:
    names = {-2: "CL_DEVICE_NOT_AVAILABLE", -5: "CL_OUT_OF_RESOURCES"}
    said, log = meet(model, f"{call},{code}", UBP_OPENCL_LIBRARY=fake)
    assert said.startswith("RuntimeError ")
    assert names.get(code, "CL_INVALID_COMMAND_QUEUE") in said + log


def test_a_device_that_hangs_is_given_up(fake: Path, model: Path) -> None:
    said, log = meet(model, "hang", UBP_OPENCL_LIBRARY=fake, UBP_OPENCL_TIME_LIMIT="0.2")
    assert said.startswith("RuntimeError ")
    assert "'Fake GPU' did not answer within 0.2 s" in said + log


def test_a_damaged_cache_is_told_and_made_anew(fake: Path, model: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"

    def load() -> str:
        return meet(model, "0,-5", f"gpu_cache={cache}", UBP_OPENCL_LIBRARY=fake)[1]

    assert "WARNING" not in load()
    assert "WARNING" not in load()
    programs = list(cache.iterdir())
    programs[0].write_bytes(programs[0].read_bytes()[:50])
    assert load().count(f"WARNING: the GPU cache '{cache}': '{programs[0]}' is damaged") == 1
    assert "WARNING" not in load()
