# SPDX-License-Identifier: Apache-2.0
"""Puts the libraries that Bazel builds, the delegate and the core of selection, into the wheel.

All else about the package is in pyproject.toml.

`UBP_DELEGATE=/path/to/libubp_delegate.so UBP_SELECTION_LIBRARY=/path/to/libubp_selection.so pip
install .` takes libraries that are already built.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
FOLDER = Path("ubp", "lib")
LIBRARIES = {
    "UBP_DELEGATE": "libubp_delegate.so",
    "UBP_SELECTION_LIBRARY": "libubp_selection.so",
}

# e_machine of the ELF header: what wheels call it.
MACHINES = {3: "i686", 40: "armv7l", 62: "x86_64", 183: "aarch64", 243: "riscv64"}


def built_libraries() -> list[Path]:
    """Returns the libraries that the variables name, or else those that `./run build` makes."""
    named = {variable: os.environ.get(variable) for variable in LIBRARIES}
    for variable, file in named.items():
        if file and not Path(file).is_file():
            sys.exit(f"{variable}={file} is not a file: name a built {LIBRARIES[variable]}.")
    missing = [variable for variable, file in named.items() if not file]
    if missing and subprocess.run([ROOT / "run", "build"], check=False).returncode:
        sys.exit(
            "The libraries of UBP could not be built (see above): run './run setup' in the source "
            f"folder first, or set {' and '.join(missing)} to built ones."
        )
    return library_paths()


def library_paths() -> list[Path]:
    """Returns where the libraries of this build are, or will be."""
    named = {variable: os.environ.get(variable) for variable in LIBRARIES}
    return [
        Path(file) if file else ROOT / "python" / FOLDER / LIBRARIES[variable]
        for variable, file in named.items()
    ]


def library_machine(libraries: list[Path]) -> str | None:
    """Returns the processor that ELF libraries are for, as wheels name it; None for other kinds."""
    found = {}
    for library in libraries:
        header = library.read_bytes()[:20]
        if header[:4] != b"\x7fELF":
            return None
        code = int.from_bytes(header[18:20], "little")
        found[library] = MACHINES.get(code, f"machine {code}")
    if len(set(found.values())) > 1 or not set(found.values()) <= set(MACHINES.values()):
        named = ", ".join(f"{library} for {machine}" for library, machine in found.items())
        sys.exit(f"The libraries are not for one processor that wheels have a name for: {named}.")
    return next(iter(found.values()), None)


class BuildWithLibraries(build_py):
    """Builds the Python modules and the libraries; an editable install uses the source folder's."""

    def run(self) -> None:
        """Fills an empty build folder, so that no module of an earlier build comes along."""
        if self.editable_mode:
            super().run()
            return
        libraries = built_libraries()
        shutil.rmtree(Path(self.build_lib, "ubp"), ignore_errors=True)
        super().run()
        folder = Path(self.build_lib, FOLDER)
        folder.mkdir()
        for library, name in zip(libraries, LIBRARIES.values(), strict=True):
            shutil.copyfile(library, folder / name)


class PlatformWheel(bdist_wheel):
    """A wheel for this platform and any Python 3: its libraries are no Python extensions."""

    def get_tag(self) -> tuple[str, str, str]:
        """Returns the wheel's Python, ABI and platform tags; the platform is the libraries'."""
        platform = super().get_tag()[2]
        # An editable install may come before the libraries are built.
        machine = library_machine([path for path in library_paths() if path.is_file()])
        return "py3", "none", platform if machine is None else f"linux_{machine}"


class PlatformDistribution(Distribution):
    """A distribution that is not pure Python, so that wheels are made for one platform."""

    def has_ext_modules(self) -> bool:
        """Returns True: the libraries count as such."""
        return True


setup(
    distclass=PlatformDistribution,
    cmdclass={"build_py": BuildWithLibraries, "bdist_wheel": PlatformWheel},
)
