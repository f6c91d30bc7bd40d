# SPDX-License-Identifier: Apache-2.0
"""LiteRT's environment with the delegate in it: CompiledModel has no way to be given a delegate."""

from __future__ import annotations

import os
import tempfile
import weakref
from importlib import metadata
from pathlib import Path
from typing import Any

from ubp.arguments import shown
from ubp.runtime.accelerator import Accelerator
from ubp.runtime.delegate import delegate_path, option_texts

try:
    from ai_edge_litert.environment import Environment
except ModuleNotFoundError as error:
    if error.name == "ai_edge_litert":
        raise
    Environment = None  # before 2.2

# By which LiteRT looks for an accelerator; docs/runtimes.md.
LIBRARY = "libLiteRtGpuAccelerator.so"
_OLDEST = (2, 2)
_DISTRIBUTIONS = ("ai-edge-litert", "ai-edge-litert-nightly")

_accelerators: weakref.WeakKeyDictionary[Any, Accelerator] = weakref.WeakKeyDictionary()


def litert_environment(**options: str | int | os.PathLike[str]) -> Any:
    """Make an environment in which LiteRT's CompiledModel runs models in the UBP delegate.

        >>> import ubp
        >>> from ai_edge_litert.compiled_model import CompiledModel
        >>> environment = ubp.litert_environment(take="all")
        >>> CompiledModel.from_file("m.tflite", environment=environment)  # doctest: +SKIP

    `ubp.CompiledModel` does so by itself, and tells whether LiteRT has used the delegate. What the
    delegate does not take runs in XNNPACK; there is no GPU of LiteRT's in this environment.

    Args:
        options: the delegate's, for all models of the environment, see `load_delegate`. Without
            num_threads it takes LiteRT's own number (`CpuOptions`).

    Returns:
        An `ai_edge_litert.environment.Environment`.

    Raises:
        FileNotFoundError, RuntimeError: if there is no delegate, or one of another version.
        RuntimeError: if LiteRT is older than 2.2.
        ValueError: if the delegate refuses an option, in its own words.
    """
    texts = option_texts(options)
    check_litert()
    target = Path(delegate_path()).resolve()
    # LiteRT loads the library now; the folder's name is how the delegate knows the environment.
    with tempfile.TemporaryDirectory(prefix="ubp_litert_") as folder:
        link = Path(folder, LIBRARY)
        link.symlink_to(target)
        accelerator = Accelerator(link)
        accelerator.set_options(folder, texts)
        environment = Environment.create(runtime_path=folder)
    weakref.finalize(environment, accelerator.set_options, folder, {})
    _accelerators[environment] = accelerator
    return environment


def accelerator_of(environment: Any) -> Accelerator:
    """The accelerator of an environment: of `litert_environment`, or of the user's own folder.

    Raises:
        ValueError: if it has none of ours.
    """
    if not isinstance(environment, Environment):
        raise ValueError(
            f"environment is {shown(environment)}; expected one of ubp.litert_environment()."
        )
    found = _accelerators.get(environment)
    if found is not None:
        return found
    folder = environment.options.runtime_path or ""
    path = Path(folder, LIBRARY)
    if not path.is_file():
        raise ValueError(
            f"the environment has no UBP accelerator: its runtime_path is '{folder}', which holds "
            f"no {LIBRARY}; make it with ubp.litert_environment()."
        )
    return Accelerator(path)


def check_litert() -> None:
    """Refuse a LiteRT that has no environments to put an accelerator into.

    Raises:
        RuntimeError: saying which version there is.
    """
    version = litert_version()
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if Environment is None or numbers < _OLDEST:
        raise RuntimeError(
            f"this is LiteRT {version}, whose CompiledModel cannot run the UBP delegate; install "
            f"ai-edge-litert {'.'.join(map(str, _OLDEST))} or later, or use ubp.Interpreter."
        )


def litert_version() -> str:
    """Of the installed package, such as "2.3.0"."""
    for name in _DISTRIBUTIONS:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return "of unknown version"
