# SPDX-License-Identifier: Apache-2.0
"""The library of OpenCL without a device; tests/cpp/opencl/fake_opencl.h says what it can do."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[3]
SOURCES = ROOT / "tests" / "cpp" / "opencl"


def build_fake_opencl(directory: Path) -> Path:
    """Compile it into a directory; returns its path, for the variable UBP_OPENCL_LIBRARY."""
    library = directory / "libfake_opencl.so"
    names = ["fake_commands.cc", "fake_objects.cc", "fake_opencl.cc"]
    headers = os.environ.get("OPENCL_HEADERS", "/usr/include")
    options = [
        "-std=c++17",
        "-O1",
        "-shared",
        "-fPIC",
        "-pthread",
        "-DCL_TARGET_OPENCL_VERSION=120",
    ]
    places = [f"-I{ROOT}", f"-isystem{headers}"] if headers != "/usr/include" else [f"-I{ROOT}"]
    sources = [str(SOURCES / name) for name in names]
    subprocess.run(["g++", *options, *places, *sources, "-o", library], check=True)
    return library
