# SPDX-License-Identifier: Apache-2.0
"""Output: every file that the package writes is written here, whole or not at all.

A new file is written beside the one that it replaces, brought to the disk, and renamed. Whatever
ends the writing, a full disk or a signal, leaves what was there before.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from ubp.arguments import check_path

_NEW_FILE_MODE = 0o666  # less the process's mask


def check_output(path: str | os.PathLike[str], overwrite: bool) -> None:
    """Refuse an output file that exists, unless it may be overwritten, or that cannot be.

    Devices and pipes, such as /dev/null, hold nothing that would be lost.

    Raises:
        FileExistsError, FileNotFoundError, IsADirectoryError, NotADirectoryError: saying so.
        ValueError: if the path is none, or "-", which elsewhere means standard output.
    """
    check_path("path", path)
    path = Path(path)
    if str(path) == "-":
        raise ValueError("models and reports are not written to standard output; name a file.")
    if path.parent.exists() and not path.parent.is_dir():
        raise NotADirectoryError(f"{path.parent}: a file, expected a directory.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path.parent}: no such directory.")
    if path.is_dir():
        raise IsADirectoryError(f"{path}: a directory, expected the name of a file to write.")
    if path.is_file() and not overwrite:
        raise FileExistsError(
            f"{path} exists already; choose another name, or overwrite it with --force "
            "(overwrite=True in Python)."
        )


def check_distinct(*paths: str | os.PathLike[str]) -> None:
    """Refuse two outputs that would be one file, of which the second would replace the first.

    Raises:
        ValueError: naming it.
    """
    seen = set()
    for path in paths:
        target = Path(os.path.realpath(path))
        if target in seen and (target.is_file() or not target.exists()):
            raise ValueError(
                f"{os.fspath(path)} is named for two outputs; expected a file of its own for each."
            )
        seen.add(target)


def write_output(
    path: str | os.PathLike[str], content: bytes | str, overwrite: bool = False
) -> None:
    """Write a file; one that exists is replaced once the new one is whole, and keeps its mode.

    Args:
        path: of the file; a link is followed.
        content: all of it; text is written as UTF-8.
        overwrite: replace a file that exists.

    Raises:
        FileExistsError, FileNotFoundError, IsADirectoryError, NotADirectoryError, ValueError: as
            `check_output`.
        OSError: if it cannot be written, naming the file.
    """
    check_output(path, overwrite)
    data = content.encode() if isinstance(content, str) else content
    target = Path(os.path.realpath(path))
    with _naming(path):
        if target.exists() and not target.is_file():  # a device or a pipe has no place for another
            target.write_bytes(data)
        else:
            _replace(target, data)


def _replace(target: Path, data: bytes) -> None:
    beside = target.with_name(f".{target.name[:200]}.{secrets.token_hex(8)}.part")
    mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else None
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _NEW_FILE_MODE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
            if mode is not None:
                os.fchmod(descriptor, mode)
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def _naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Errors of the system name the file that was to be written, not the one beside it."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(error.errno, reason, os.fspath(path)) from error
