"""The virtual environment of the other inference engines: .deps/peers, made when it is needed.

It sees this project's own environment behind its own packages, for NumPy and, to convert models,
TensorFlow. So its packages are installed without what they depend on, each in one fixed version.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from importlib.metadata import distributions
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[3]
_FOLDER = _ROOT / ".deps" / "peers"
_VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
_PACKAGES = _FOLDER / "lib" / _VERSION / "site-packages"

PYTHON = _FOLDER / "bin" / _VERSION
VARIABLES = {"PYTHONPATH": str(_ROOT / "python"), "TF_CPP_MIN_LOG_LEVEL": "3"}


def install(requirements: Sequence[str]) -> None:
    """Install what is missing.

    Args:
        requirements: "NAME==VERSION" each.

    Raises:
        RuntimeError: if that fails, with the last line that pip printed.
    """
    if not PYTHON.exists():
        run([sys.executable, "-m", "venv", _FOLDER], "making the environment")
    paths = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    (_PACKAGES / "project.pth").write_text("\n".join(dict.fromkeys(paths)) + "\n")
    missing = [each for each in requirements if not is_installed(each, _PACKAGES)]
    if missing:
        pip: list[str | Path] = [
            PYTHON,
            "-m",
            "pip",
            "--disable-pip-version-check",
            "install",
            "--no-deps",
        ]
        run([*pip, *missing], f"installing {', '.join(missing)}")


def is_installed(requirement: str, packages: Path) -> bool:
    """Whether a folder of packages has exactly the version asked for."""
    name, _, version = requirement.partition("==")
    found = distributions(name=name, path=[str(packages)])
    return any(distribution.version == version for distribution in found)


def run(command: Sequence[str | Path], what: str) -> None:
    """Run a program with this environment's variables, its output held back.

    Raises:
        RuntimeError: if it fails, with the last line that it printed; `what` says what was done.
    """
    done = subprocess.run(
        [str(word) for word in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        env=os.environ | VARIABLES,
    )
    if done.returncode:
        lines = done.stdout.strip().splitlines()
        raise RuntimeError(f"{what} failed: {lines[-1] if lines else 'no message'}")
