# SPDX-License-Identifier: Apache-2.0
"""The delegate's functions for LiteRT's CompiledModel, which ubp_delegate.h describes."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping
from dataclasses import dataclass

from ubp.runtime.delegate import DelegateError


@dataclass(frozen=True)
class ThreadStatus:
    """What the calling thread has seen of the delegate.

    requests: how often LiteRT has asked for a delegate.
    nodes, nodes_taken: since the last time, the nodes that it was shown and those that it took.
    errors: how often something was refused or has failed.
    error: why, the last time.
    """

    requests: int
    nodes: int
    nodes_taken: int
    errors: int
    error: str


class _Status(ctypes.Structure):
    _fields_ = (
        ("requests", ctypes.c_size_t),
        ("nodes", ctypes.c_size_t),
        ("nodes_taken", ctypes.c_size_t),
        ("errors", ctypes.c_size_t),
        ("error", ctypes.c_char_p),
    )


class Accelerator:
    """The library that LiteRT has loaded, or will, from a path.

    Raises:
        RuntimeError: if it is no UBP delegate with these functions.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        try:
            library = ctypes.CDLL(str(path))
            self._set_options, self._status = (
                library.ubp_litert_set_options,
                library.ubp_thread_status,
            )
        except (OSError, AttributeError) as error:
            reason = " ".join(str(error).split()).removesuffix(".")
            raise RuntimeError(
                f"{path} is no UBP accelerator for LiteRT ({reason}); use the library that "
                "ubp.delegate_path() names."
            ) from error
        texts = ctypes.POINTER(ctypes.c_char_p)
        self._set_options.argtypes = [ctypes.c_char_p, texts, texts, ctypes.c_size_t]
        self._set_options.restype = ctypes.c_char_p
        self._status.argtypes, self._status.restype = [ctypes.POINTER(_Status)], None

    def set_options(self, directory: str, options: Mapping[str, str]) -> None:
        """Set the options of all models compiled where LiteRT's libraries are in a directory.

        Raises:
            DelegateError: if one is refused, in the delegate's words.
        """
        texts = ctypes.c_char_p * len(options)
        keys = texts(*map(os.fsencode, options))
        values = texts(*map(os.fsencode, options.values()))
        refused = self._set_options(os.fsencode(directory), keys, values, len(options))
        if refused is not None:
            raise DelegateError(refused.decode("utf-8", errors="replace"))

    def errors(self) -> int:
        """The number of `status`, for callers in a hurry."""
        status = _Status()
        self._status(ctypes.byref(status))
        return int(status.errors)

    def status(self) -> ThreadStatus:
        """What the calling thread has seen of the delegate until now."""
        status = _Status()
        self._status(ctypes.byref(status))
        error = status.error.decode("utf-8", errors="replace")
        return ThreadStatus(status.requests, status.nodes, status.nodes_taken, status.errors, error)
