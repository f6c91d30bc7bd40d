"""Puts the delegate, a shared library that Bazel builds, into the wheel.

All else about the package is in pyproject.toml.

`UBP_DELEGATE=/path/to/libubp_delegate.so pip install .` takes a library that is already built.
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
LIBRARY = Path("ubp", "lib", "libubp_delegate.so")


def delegate_library() -> Path:
    """Returns the library that `UBP_DELEGATE` names, or else the one that `./run build` makes."""
    prebuilt = os.environ.get("UBP_DELEGATE")
    if prebuilt:
        if not Path(prebuilt).is_file():
            sys.exit(f"UBP_DELEGATE={prebuilt} is not a file: name a built libubp_delegate.so.")
        return Path(prebuilt)
    if subprocess.run([ROOT / "run", "build"], check=False).returncode:
        sys.exit(
            "The UBP delegate could not be built (see above): run './run setup' in the source "
            "folder first, or set UBP_DELEGATE to a built libubp_delegate.so."
        )
    return ROOT / "python" / LIBRARY


class BuildWithDelegate(build_py):
    """Builds the Python modules and the delegate; an editable install uses the source folder's."""

    def run(self) -> None:
        """Fills an empty build folder, so that no module of an earlier build comes along."""
        if self.editable_mode:
            super().run()
            return
        library = delegate_library()
        shutil.rmtree(Path(self.build_lib, "ubp"), ignore_errors=True)
        super().run()
        target = Path(self.build_lib, LIBRARY)
        target.parent.mkdir()
        shutil.copyfile(library, target)


class PlatformWheel(bdist_wheel):
    """A wheel for this platform and any Python 3: the delegate is no Python extension."""

    def get_tag(self) -> tuple[str, str, str]:
        """Returns the wheel's Python, ABI and platform tags."""
        return "py3", "none", super().get_tag()[2]


class PlatformDistribution(Distribution):
    """A distribution that is not pure Python, so that wheels are made for one platform."""

    def has_ext_modules(self) -> bool:
        """Returns True: the delegate counts as one."""
        return True


setup(
    distclass=PlatformDistribution,
    cmdclass={"build_py": BuildWithDelegate, "bdist_wheel": PlatformWheel},
)
