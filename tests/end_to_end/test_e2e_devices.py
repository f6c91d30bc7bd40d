# SPDX-License-Identifier: Apache-2.0
"""ubp devices: each case in a process of its own, as OpenCL is looked for once in a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fake_opencl import ROOT


def devices(*arguments: str, **environment: str | Path) -> str:
    """What `ubp devices` prints."""
    done = subprocess.run(
        [sys.executable, "-m", "ubp", "devices", *arguments],
        env=os.environ
        | {"PYTHONPATH": str(ROOT / "python")}
        | {name: str(value) for name, value in environment.items()},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout


def as_json(**environment: str | Path) -> Any:
    return json.loads(devices("--json", **environment))["data"]


def test_pocl_is_listed(tmp_path: Path) -> None:
    found = as_json(POCL_CACHE_DIR=tmp_path)
    assert found["error"] == "" and "OpenCL" in found["library"]
    pocl = [device for device in found["devices"] if "pthread" in device["name"]]
    assert pocl, "the tests need PoCL: run './run setup'"
    assert pocl[0]["type"] == "cpu" and pocl[0]["unified_memory"]
    assert pocl[0]["compute_units"] > 0 and pocl[0]["memory_bytes"] > 0
    assert sum(device["chosen"] for device in found["devices"]) == 1


def test_a_machine_without_opencl(tmp_path: Path) -> None:
    missing = tmp_path / "libOpenCL.so"
    printed = " ".join(devices(UBP_OPENCL_LIBRARY=missing, COLUMNS="200").split())
    assert f"No GPU: no OpenCL library could be opened (tried {missing}); install" in printed
    assert "CPU: " in printed
    found = as_json(UBP_OPENCL_LIBRARY=missing)
    assert found["library"] == "" and found["devices"] == []


def test_a_loader_without_drivers(tmp_path: Path) -> None:
    printed = devices(OCL_ICD_VENDORS=tmp_path)
    assert "No GPU: there is an OpenCL library and no device; install" in printed


def test_quirks_and_what_cannot_be_used(fake: Path) -> None:
    settings = "name=Mali-G78\nvendor=ARM\nextensions=cl_khr_fp16 cl_khr_icd"
    found = as_json(UBP_OPENCL_LIBRARY=fake, FAKE_OPENCL=settings)
    (mali,) = found["devices"]
    assert mali["chosen"] and mali["fp16"] and mali["type"] == "gpu"
    assert mali["quirks"] == [
        "queues are flushed every 24 kernels",
        "at most 32 accumulators a work-item",
    ]
    printed = devices(UBP_OPENCL_LIBRARY=fake, FAKE_OPENCL=settings)
    assert "> 0" in printed and "Mali-G78" in printed
    assert "0: quirk: queues are flushed every 24 kernels" in printed

    printed = devices(UBP_OPENCL_LIBRARY=fake, FAKE_OPENCL="version=OpenCL 1.1 old\ndevices=2")
    assert "1: cannot be used: has OpenCL 1.1, and 1.2 is needed" in printed
    assert "No GPU: no OpenCL device can be used" in printed


def test_names_that_are_no_utf8_or_look_like_markup_are_shown(fake: Path) -> None:
    settings = b"name=[red]GPU\xff".decode("utf-8", "surrogateescape")
    (device,) = as_json(UBP_OPENCL_LIBRARY=fake, FAKE_OPENCL=settings)["devices"]
    assert device["name"] == "[red]GPU�"
    assert "[red]GPU" in devices(UBP_OPENCL_LIBRARY=fake, FAKE_OPENCL=settings)


def test_a_file_is_not_overwritten_unasked(fake: Path, tmp_path: Path) -> None:
    output = tmp_path / "devices.json"
    assert "Fake GPU" in devices("--json", str(output), UBP_OPENCL_LIBRARY=fake)
    assert json.loads(output.read_text())["data"]["devices"][0]["name"] == "Fake GPU"
    with pytest.raises(subprocess.CalledProcessError) as failed:
        devices("--json", str(output), UBP_OPENCL_LIBRARY=fake)
    assert "exists already" in failed.value.stderr
    devices("--json", str(output), "--force", UBP_OPENCL_LIBRARY=fake)
