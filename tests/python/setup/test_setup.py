# SPDX-License-Identifier: Apache-2.0
"""`./run` on a machine that lacks everything says what it will get before it gets anything."""

from __future__ import annotations

import platform
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
# What `./run` may take for granted: Debian's essential packages.
ESSENTIAL = ["awk", "bash", "cat", "dirname", "env", "grep", "mkdir", "paste", "sed"]
ESSENTIAL += ["sha256sum", "tail", "uname"]
BUILD = {"g++", "maven", "python3-venv", "bazel-bootstrap"}
HOSTS = {"make", "npm", "default-jdk-headless", "aapt"}
ARM = {"g++-aarch64-linux-gnu", "qemu-user-static"}
OPENCL = {"clang-15", "oclgrind", "pocl-opencl-icd"}
FUZZ = {"clang", "libclang-rt-dev", "llvm"}
NDK = {"g++-aarch64-linux-gnu", "g++-arm-linux-gnueabihf"}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout in which nothing was set up, with programs/ for the PATH."""
    for name in ("run", "pyproject.toml", "setup.py"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "tools", tmp_path / "tools")
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ESSENTIAL:
        (programs / name).symlink_to(shutil.which(name) or name)
    stand_ins = {
        "apt-get": 'echo "$*" >>apt-get.calls; [[ $* == *update ]] || exit 100',
        "sudo": 'shift; exec "$@"',
    }
    for name, script in stand_ins.items():
        (programs / name).write_text(f"#!/bin/bash\n{script}\n")
        (programs / name).chmod(0o755)
    return tmp_path


@pytest.mark.skipif(
    (platform.system(), platform.machine()) != ("Linux", "x86_64"),
    reason="other machines need other packages",
)
@pytest.mark.parametrize(
    ("command", "needed", "others"),
    [
        ("docs", {"python3-venv"}, BUILD - {"python3-venv"} | HOSTS | ARM | NDK | OPENCL),
        ("demo", BUILD, HOSTS | ARM | NDK | OPENCL),
        ("test --fast", BUILD | OPENCL, HOSTS | ARM | NDK),
        ("test --sanitize", BUILD, HOSTS | ARM | NDK | OPENCL),
        ("test --oldest", BUILD | OPENCL, HOSTS | ARM | NDK),
        ("test --aarch64", BUILD | ARM, HOSTS | OPENCL),
        ("test", BUILD | HOSTS | ARM | NDK | OPENCL, set()),
        ("setup", BUILD | HOSTS | ARM | NDK | OPENCL, set()),
        ("fuzz layers", BUILD | FUZZ, HOSTS | ARM | NDK | OPENCL),
    ],
)
def test_packages_are_named_before_anything_is_installed(
    checkout: Path, command: str, needed: set[str], others: set[str]
) -> None:
    done = subprocess.run(
        ["./run", *command.split()],
        cwd=checkout,
        env={
            "PATH": str(checkout / "programs"),
            "HOME": str(checkout),
            "OCL_ICD_VENDORS": str(checkout),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    update, install = (checkout / "apt-get.calls").read_text().splitlines()  # and no further
    assert update == "-qy update"
    title, packages, *downloads = done.stdout.split("reading the package lists")[0].splitlines()
    assert title == f"Debian packages that ./run {command.split()[0]} will install:"
    named = packages.split()
    assert len(named) == len(set(named)) and needed <= set(named)
    assert install.split() == ["-qy", "--no-install-recommends", "install", *named]
    assert not others & set(named)
    assert downloads[0] == f"Downloads of ./run {command.split()[0]}:"
    assert any("TensorFlow" in line for line in downloads)
