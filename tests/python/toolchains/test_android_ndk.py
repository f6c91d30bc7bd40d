# SPDX-License-Identifier: Apache-2.0
"""Builds for Android: the errors without an NDK, and the whole flow with a stand-in for one.

The stand-in has the NDK's directories and names; its clang is GCC for the same processor and Linux.
That takes the place of the NDK's headers, libraries and linker too, which these tests therefore say
nothing about.
"""

from __future__ import annotations

import os
import platform
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PROBE = "//tests/toolchains:libprobe.so"
PREBUILT = Path("toolchains", "llvm", "prebuilt", "linux-x86_64", "bin")
CLANG = f"""#!{sys.executable}
# GCC in place of the NDK's clang, without the options that only Clang has. Clang names headers as
# they were found; GCC has an option for that.
import os
import shlex
import sys
from pathlib import Path

PREFIXES = {{
    "--target=aarch64-linux-android21": "aarch64-linux-gnu-",
    "--target=armv7a-linux-androideabi21": "arm-linux-gnueabihf-",
    "--target=x86_64-linux-android21": "",
}}
arguments = []
for argument in sys.argv[1:]:
    listed = argument.startswith("@")
    arguments += shlex.split(Path(argument[1:]).read_text()) if listed else [argument]
(prefix,) = [PREFIXES[argument] for argument in arguments if argument in PREFIXES]
gcc = prefix + ("g++" if "--driver-mode=g++" in arguments else "gcc")
kept = [a for a in arguments if a not in PREFIXES and a != "--driver-mode=g++"]
os.execvp(gcc, [gcc, "-fno-canonical-system-headers", *kept])
"""
# The configuration, the processor's number in ELF files, bits.
BUILDS = [
    pytest.param("android_arm64", 183, 64, id="arm64-v8a"),
    pytest.param("android_arm", 40, 32, id="armeabi-v7a"),
    pytest.param("android_x86_64", 62, 64, id="x86_64"),
]

pytestmark = pytest.mark.skipif(
    (platform.system(), platform.machine()) != ("Linux", "x86_64"),
    reason="the NDK for Linux runs on x86-64",
)


def bazel(command: str, config: str, ndk: Path | None, *arguments: str) -> tuple[int, str, str]:
    """Runs Bazel with ANDROID_NDK_HOME=ndk or without; returns its status, stdout and stderr.

    The links that the last build left in the checkout stay as they are.
    """
    environment = {k: v for k, v in os.environ.items() if k != "ANDROID_NDK_HOME"}
    if ndk is not None:
        environment["ANDROID_NDK_HOME"] = str(ndk)
    options = [f"--config={config}", "--symlink_prefix=/"]
    process = subprocess.run(
        [ROOT / "run", "bazel", command, *options, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return process.returncode, process.stdout, process.stderr


def errors_of_rule(errors: str) -> list[str]:
    """The distinct sentences with which repository rules stopped."""
    marker = "Error in fail: "
    return sorted({line.split(marker)[1] for line in errors.splitlines() if marker in line})


def readelf(option: str, library: Path) -> str:
    return subprocess.check_output(["readelf", "--wide", option, library], text=True)


def elf_machine(library: Path) -> int:
    (machine,) = struct.unpack_from("<H", library.read_bytes(), 18)
    return machine


def exported(library: Path) -> set[str]:
    """The names of the dynamic symbols that the library defines."""
    rows = [line.split() for line in readelf("--dyn-syms", library).splitlines()]
    return {row[7] for row in rows if len(row) == 8 and row[4] == "GLOBAL" and row[6] != "UND"}


def load_alignments(library: Path) -> list[int]:
    rows = [line.split() for line in readelf("--program-headers", library).splitlines()]
    return [int(row[-1], 16) for row in rows if row and row[0] == "LOAD"]


@pytest.fixture
def ndk(tmp_path: Path) -> Path:
    """Makes a stand-in for an NDK, r27."""
    (tmp_path / "source.properties").write_text(
        "Pkg.Desc = Android NDK\nPkg.Revision = 27.0.12077973\n"
    )
    programs = tmp_path / PREBUILT
    programs.mkdir(parents=True)
    clang = programs / "clang"
    clang.write_text(CLANG)
    clang.chmod(0o755)
    for tool in ("ar", "nm", "objcopy", "objdump", "strip"):
        (programs / f"llvm-{tool}").symlink_to(shutil.which(tool) or tool)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize(("config", "machine", "bits"), BUILDS)
def test_builds_a_library(ndk: Path, config: str, machine: int, bits: int) -> None:
    status, _, errors = bazel("build", config, ndk, PROBE)
    assert status == 0, errors
    _, folder, _ = bazel("info", config, ndk, "bazel-bin")
    library = Path(folder.strip(), "tests", "toolchains", "libprobe.so")

    assert elf_machine(library) == machine
    assert exported(library) == {"ubp_probe"}
    assert "libstdc++" not in readelf("--dynamic", library), "the C++ library belongs into ours"
    if bits == 64:
        assert min(load_alignments(library)) >= 16384, "devices with pages of 16 KiB refuse it"


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        (None, "is no Android NDK, it holds no source.properties"),
        ("Pkg.Revision = 21.4.7075529\n", "an NDK of revision 21.4.7075529: r23 or later"),
        ("Pkg.Desc = Android NDK\n", "an NDK of revision unknown: r23 or later"),
        ("Pkg.Revision = 27.0.12077973\n", "holds no compiler for this machine"),
    ],
    ids=["empty", "old", "no revision", "no compiler"],
)
def test_a_directory_that_is_no_usable_ndk(
    tmp_path: Path, properties: str | None, expected: str
) -> None:
    if properties is not None:
        (tmp_path / "source.properties").write_text(properties)
    status, _, errors = bazel("build", "android_arm64", tmp_path, PROBE)
    assert status != 0
    (sentence,) = errors_of_rule(errors)
    assert f"ANDROID_NDK_HOME={tmp_path}" in sentence
    assert expected in sentence


def test_without_an_ndk_the_error_says_how_to_name_one() -> None:
    status, _, errors = bazel("build", "android_arm64", None, PROBE)
    assert status != 0
    (sentence,) = errors_of_rule(errors)
    assert sentence == (
        "Builds for Android need the Android NDK, r23 or later: set ANDROID_NDK_HOME to its "
        "directory, the one that holds source.properties."
    )
