# SPDX-License-Identifier: Apache-2.0
"""The machine and the versions that a measurement belongs to."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
from dataclasses import dataclass
from pathlib import Path

import ubp

_CPUINFO = Path("/proc/cpuinfo")
_INSTRUCTION_SETS = ("avx2", "avx512f", "asimd")  # those that the delegate has kernels for
_PACKAGES = ("ai-edge-litert", "keras", "numpy", "tensorflow")


@dataclass(frozen=True)
class Machine:
    """Where and with what something was measured.

    processor: its model name.
    cores: processors that the operating system shows.
    instruction_sets: vector instructions that the delegate has kernels for, in /proc/cpuinfo's
        names; empty where there is no such file.
    system: operating system and architecture.
    versions: of Python and of packages; "none" for a package that is not installed.
    delegate: SHA-256 of the delegate's library.
    """

    processor: str
    cores: int
    instruction_sets: list[str]
    system: str
    versions: dict[str, str]
    delegate: str

    @classmethod
    def this(cls) -> Machine:
        """The machine that this runs on.

        Raises:
            FileNotFoundError: if the delegate's library is missing.
        """
        cpuinfo = _read_cpuinfo(_CPUINFO.read_text() if _CPUINFO.exists() else "")
        flags = cpuinfo.get("flags", cpuinfo.get("Features", "")).split()
        versions = {"python": platform.python_version(), "ubp": ubp.__version__}
        return cls(
            processor=cpuinfo.get("model name") or platform.processor() or platform.machine(),
            cores=os.cpu_count() or 1,
            instruction_sets=[name for name in _INSTRUCTION_SETS if name in flags],
            system=f"{platform.system()} {platform.machine()}",
            versions=versions | {name: package_version(name) for name in _PACKAGES},
            delegate=library_digest(Path(ubp.delegate_path())),
        )


def library_digest(path: Path) -> str:
    """SHA-256 of a library that is built.

    Raises:
        FileNotFoundError: if there is none.
    """
    return hashlib.sha256(path.read_bytes()).hexdigest()


def package_version(name: str) -> str:
    """The version of an installed package, or "none"."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "none"


def _read_cpuinfo(text: str) -> dict[str, str]:
    """The fields of the first processor."""
    fields: dict[str, str] = {}
    for line in text.splitlines():
        name, separator, value = line.partition(":")
        if separator:
            fields.setdefault(name.strip(), value.strip())
    return fields
