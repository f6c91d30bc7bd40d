# SPDX-License-Identifier: Apache-2.0
"""Where the delegate's library is, and how it is loaded."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ai_edge_litert.interpreter import Delegate
from ai_edge_litert.interpreter import load_delegate as load_external_delegate

from ubp.arguments import is_whole, shown

PATH_VARIABLE = "UBP_DELEGATE"
_PACKAGED = Path(__file__).parent.parent / "lib" / "libubp_delegate.so"


class DelegateError(ValueError):
    """The delegate refuses its options: one is wrong, or there is no device for it."""


def delegate_path() -> str:
    """The path of libubp_delegate.so, for tf.lite, benchmark_model and C++ hosts.

    The environment variable UBP_DELEGATE names another one.

        >>> import pathlib
        >>> import ubp
        >>> pathlib.Path(ubp.delegate_path()).is_file()
        True

    Returns:
        The path of a file that exists.

    Raises:
        FileNotFoundError: if there is no such file, saying what to do.
    """
    override = os.environ.get(PATH_VARIABLE)
    if override:
        if not Path(override).is_file():
            raise FileNotFoundError(
                f"{PATH_VARIABLE} names {override}, which does not exist; correct or unset it."
            )
        return override
    if not _PACKAGED.is_file():
        raise FileNotFoundError(
            f"the UBP delegate is missing: {_PACKAGED} does not exist; run './run setup' in a "
            "checkout, or reinstall the package."
        )
    return str(_PACKAGED)


def load_delegate(**options: str | int | os.PathLike[str]) -> Delegate:
    """Load the delegate, for `experimental_delegates` of ai_edge_litert's or tf.lite's interpreter.

        >>> from ai_edge_litert.interpreter import Interpreter
        >>> import keras
        >>> import ubp
        >>> model = keras.Sequential([keras.Input((256,)), keras.layers.Dense(64, name="hidden")])
        >>> pruned = ubp.strip(ubp.prune(model, ubp.ConstantSparsity(0.9), layers="hidden"))
        >>> file = ubp.convert(pruned).model
        >>> delegates = [ubp.load_delegate(num_threads=2)]
        >>> Interpreter(model_content=file, experimental_delegates=delegates).allocate_tensors()

    Args:
        options: the delegate's options: num_threads (int; default: the interpreter's), kernel
            ("auto", "reference", "portable", "avx2", "avx512", "neon" or "neon_in_order"), take
            ("auto", "sparse" or "all"), sparse_from_dense ("on" or "off"), report and profile (each
            the path of a JSON file to write), weight_cache (the path of a file that keeps packed
            weights for the next load of the model), log ("quiet" or "info"); see docs/delegate.md.
            For a GPU: backend ("cpu", "gpu" or "auto"), precision ("fp32", "fp16_storage" or
            "fp16"), gpu_device (its number or a part of its name, as `ubp devices` lists them),
            gpu_cache (the path of a directory for compiled programs and measurements), gpu_tune
            ("on" or "off"); see docs/gpu.md.

    Returns:
        The delegate, as `experimental_delegates` takes it. The interpreter keeps it alive.

    Raises:
        FileNotFoundError: if the library is missing.
        OSError: if the file is no library that this machine can load.
        ValueError: if an option is none of its kind, or the delegate refuses it, in its own words;
            with backend="gpu" also where no OpenCL device can be used.
    """
    texts = option_texts(options)
    path = delegate_path()
    try:
        ctypes.CDLL(path)  # litert's Delegate leaves a half-made object behind where this fails
    except OSError as error:
        raise OSError(f"{path} cannot be loaded as the UBP delegate: {error}.") from error
    try:
        return load_external_delegate(path, texts)
    except ValueError as error:
        # litert's text is "Failed to load delegate from PATH", then a line with our own message.
        _, _, message = str(error).partition("\n")
        raise DelegateError(message or str(error)) from error


def option_texts(options: Mapping[str, Any]) -> dict[str, str]:
    """The delegate's options as it takes them.

    Raises:
        ValueError: if the value of one is neither text nor a whole number nor a path.
    """
    for name, value in options.items():
        if not isinstance(value, str | os.PathLike) and not is_whole(value):
            raise ValueError(
                f"the delegate option '{name}' is {shown(value)}; expected text such as 'on' or "
                "'off', a whole number or a path."
            )
    return {name: str(value) for name, value in options.items()}
