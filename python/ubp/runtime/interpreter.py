# SPDX-License-Identifier: Apache-2.0
"""ai_edge_litert's interpreter with our delegate attached."""

from __future__ import annotations

import inspect
import os
from collections.abc import Sequence
from typing import Any

from ai_edge_litert import interpreter as litert

from ubp.arguments import check_sequence, check_whole, existing_file, shown
from ubp.runtime.delegate import load_delegate

_STANDARD = "experimental_"  # how the standard interpreter's own options begin
_OPTIONS = tuple(
    name for name in inspect.signature(litert.Interpreter).parameters if name.startswith(_STANDARD)
)


class Interpreter(litert.Interpreter):
    """The standard interpreter; the layers that ubp.convert packs run in our delegate.

        >>> import keras
        >>> import ubp
        >>> model = keras.Sequential([keras.Input((256,)), keras.layers.Dense(64, name="hidden")])
        >>> pruned = ubp.strip(ubp.prune(model, ubp.ConstantSparsity(0.9), layers="hidden"))
        >>> interpreter = ubp.Interpreter(ubp.convert(pruned).model, num_threads=2)
        >>> interpreter.allocate_tensors()
        >>> interpreter.invoke()
        >>> interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).shape
        (1, 64)

    Args:
        model: the path or the bytes of a .tflite file, converted or not; called model_path or
            model_content, as in the standard interpreter, it is the one or the other.
        num_threads: for the interpreter and, unless told otherwise, the delegate; None: one.
        experimental_delegates: other delegates, which come behind ours.
        options: those that begin with experimental_ are the standard interpreter's, such as
            experimental_op_resolver_type and experimental_preserve_all_tensors; all others the
            delegate's, see `load_delegate`.

    Raises:
        FileNotFoundError, IsADirectoryError: if the model or the delegate's library does not exist.
        ValueError: if the model is missing, given twice or not a .tflite file, another argument is
            none of its kind, or the delegate refuses an option.
        RuntimeError: if a layer's packed weights are damaged or the delegate's report cannot be
            written, here or in allocate_tensors().
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | bytes | bytearray | memoryview | None = None,
        num_threads: int | None = 1,
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
        ours, standard = _sorted_options(options)
        if num_threads is not None:
            check_whole("num_threads", num_threads, 1)
        source = model_source(given[0])
        delegates = [load_delegate(**ours), *_checked_delegates(experimental_delegates)]
        try:
            super().__init__(
                **source,
                num_threads=num_threads,
                experimental_delegates=delegates,
                **standard,
            )
        except (TypeError, ValueError) as error:
            name = str(source.get("model_path", "the model"))
            reason = _reason(error, standard)
            raise ValueError(f"{name}: the standard interpreter refuses it: {reason}.") from error


def _sorted_options(options: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The delegate's options and the standard interpreter's."""
    ours = {name: value for name, value in options.items() if not name.startswith(_STANDARD)}
    standard = {name: value for name, value in options.items() if name not in ours}
    for name in standard:
        if name not in _OPTIONS:
            raise ValueError(
                f"the standard interpreter has no option '{name}'; its options are "
                f"{', '.join(_OPTIONS)}."
            )
    return ours, standard


def _reason(error: Exception, standard: dict[str, Any]) -> str:
    """Why the standard interpreter refuses; for a value of a wrong type its own text is C++."""
    if isinstance(error, TypeError):
        given = ", ".join(f"{name}={shown(value)}" for name, value in standard.items())
        return f"an option has a value of a wrong type ({given})"
    return " ".join(str(error).split()).removesuffix(".")


def _checked_delegates(delegates: Sequence[Any] | None) -> Sequence[Any]:
    if delegates is None:
        return ()
    expected = "a list of delegates, such as load_delegate() returns"
    check_sequence("experimental_delegates", delegates, expected)
    for delegate in delegates:
        if not hasattr(delegate, "_get_native_delegate_pointer"):
            raise ValueError(
                f"experimental_delegates holds {shown(delegate)}; expected {expected}."
            )
    return delegates


def model_source(model: Any) -> dict[str, str | bytes]:
    """The model as the standard interpreter takes it, by the name of its argument.

    Raises:
        FileNotFoundError, IsADirectoryError: if it is a path, and no file is there.
        ValueError: if it is neither a path nor bytes.
    """
    if isinstance(model, str | os.PathLike):
        return {"model_path": str(existing_file("model", model))}
    if isinstance(model, bytes | bytearray | memoryview):
        return {"model_content": bytes(model)}
    raise ValueError(
        f"a {type(model).__name__} is no .tflite file; expected the path of one, or its bytes."
    )
