"""Optional packages: which extra of ubp installs each, and the sentence that says so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

_EXTRAS = {
    "PIL": "report",
    "h5py": "train",
    "jinja2": "report",
    "keras": "train",
    "matplotlib": "report",
    "scipy": "train",
    "tensorflow": "train",
    "tensorflow_model_optimization": "train",
    "tf_keras": "train",
}
_CALLED = {"PIL": "Pillow"}  # where a package has another name than its module


def missing_package(wanted: str, package: str, instead: str = "") -> ModuleNotFoundError:
    """The error, in one sentence, that something needs a package that is not installed.

    Args:
        wanted: what needs it, as the subject of the sentence.
        package: the name of the module, or of one in it.
        instead: what else there is to do, such as "give .npy files".
    """
    package = package.partition(".")[0]
    what = f'"ubp[{_EXTRAS[package]}]"' if package in _EXTRAS else "--upgrade ubp"
    return ModuleNotFoundError(
        f"{wanted} needs {_CALLED.get(package, package)}, which is not installed; install it with "
        f"'pip install {what}'{f', or {instead}' if instead else ''}.",
        name=package,
    )


@contextmanager
def extra_needed(wanted: str, instead: str = "") -> Iterator[None]:
    """Imports of optional packages; one that is missing is told by `missing_package`."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "ubp":
            raise
        raise missing_package(wanted, error.name, instead) from error
