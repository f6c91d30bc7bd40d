# SPDX-License-Identifier: Apache-2.0
"""Optional packages: the sentence that says which one is missing, and how to install it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata

# Packages that are called otherwise than their module, or of no use without another.
_PACKAGES = {"PIL": ("Pillow",), "optuna": ("Optuna",), "keras": ("keras", "tensorflow")}


def missing_package(wanted: str, module: str, instead: str = "") -> ModuleNotFoundError:
    """The error, in one sentence, that something needs a package that is not installed.

    It names packages rather than extras of ubp, which no index may have.

    Args:
        wanted: what needs it, as the subject of the sentence.
        module: the name of the package's module, or of one in it.
        instead: what else there is to do, such as "give .npy files".
    """
    module = module.partition(".")[0]
    packages = _PACKAGES.get(module, (module,))
    what = " ".join(f'"{requirement_of(package)}"' for package in packages)
    return ModuleNotFoundError(
        f"{wanted} needs {packages[0]}, which is not installed; install it with "
        f"'pip install {what}'{f', or {instead}' if instead else ''}.",
        name=module,
    )


def requirement_of(package: str) -> str:
    """A package with the versions that UBP works with, such as "keras>=3.12".

    The name alone where UBP asks for none, or is run from its sources.
    """
    try:
        requirements = metadata.requires("ubp") or []
    except metadata.PackageNotFoundError:
        requirements = []
    for requirement in requirements:
        versioned = requirement.partition(";")[0].strip()
        name = re.split(r"[^\w.-]", versioned, maxsplit=1)[0]
        if _normalized(name) == _normalized(package):
            return versioned
    return package


def _normalized(package: str) -> str:
    return re.sub(r"[-_.]+", "-", package).lower()


@contextmanager
def extra_needed(wanted: str, instead: str = "") -> Iterator[None]:
    """Imports of optional packages; one that is missing is told by `missing_package`."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "ubp":
            raise
        raise missing_package(wanted, error.name, instead) from error
