"""ai_edge_litert's interpreter with our delegate attached."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ai_edge_litert import interpreter as litert

from ubp.runtime.delegate import load_delegate

_STANDARD = "experimental_"  # how the standard interpreter's own options begin


class Interpreter(litert.Interpreter):
    """The standard interpreter; UbpConv2D and UbpFullyConnected run in our delegate.

    Args:
        model: the path or the bytes of a .tflite file, converted or not; called model_path or
            model_content, as in the standard interpreter, it is the one or the other.
        num_threads: for the interpreter and, unless told otherwise, the delegate.
        options: those that begin with experimental_ are the standard interpreter's, whose delegates
            come behind ours; all others the delegate's, see `load_delegate`.

    Raises:
        FileNotFoundError: if the model or the delegate's library does not exist.
        ValueError: if the model is missing, given twice or not a .tflite file, or the delegate
            refuses an option.
        RuntimeError: if a layer's packed weights are damaged or the delegate's report cannot be
            written, here or in allocate_tensors().
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | bytes | bytearray | memoryview | None = None,
        num_threads: int = 1,
        *,
        model_path: str | os.PathLike[str] | None = None,
        model_content: bytes | bytearray | memoryview | None = None,
        experimental_delegates: Sequence[Any] | None = None,
        **options: Any,
    ) -> None:
        given = [each for each in (model, model_path, model_content) if each is not None]
        if len(given) != 1:
            raise ValueError(
                f"{len(given)} models are given, expected one: a path, or the bytes of a file."
            )
        ours = {name: value for name, value in options.items() if not name.startswith(_STANDARD)}
        standard = {name: value for name, value in options.items() if name not in ours}
        super().__init__(
            **_source(given[0]),
            num_threads=num_threads,
            experimental_delegates=[load_delegate(**ours), *(experimental_delegates or [])],
            **standard,
        )


def _source(model: Any) -> dict[str, str | bytes]:
    """The model as the standard interpreter takes it."""
    if isinstance(model, str | os.PathLike):
        path = os.fspath(model)
        if not Path(path).is_file():
            reason = "a directory" if Path(path).is_dir() else "no such file"
            raise FileNotFoundError(f"{path}: {reason}.")
        return {"model_path": path}
    if isinstance(model, bytes | bytearray | memoryview):
        return {"model_content": bytes(model)}
    raise ValueError(
        f"a {type(model).__name__} is no .tflite file; expected the path of one, or its bytes."
    )
