# SPDX-License-Identifier: Apache-2.0
"""ubp.output: a file is written whole or not at all, and nothing is lost that was there before."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from ubp.output import check_distinct, check_output, write_output


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that has no space when what was written is to be brought to it."""

    def fsync(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fsync)


def test_a_new_file_has_the_mode_of_any_new_file(tmp_path: Path) -> None:
    path, other = tmp_path / "new", tmp_path / "other"
    write_output(path, "text \N{CHECK MARK}\n")
    other.write_text("")
    assert path.read_bytes() == "text \N{CHECK MARK}\n".encode()
    assert path.stat().st_mode == other.stat().st_mode


def test_a_file_that_is_replaced_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "old"
    path.write_bytes(b"old")
    path.chmod(0o640)
    write_output(path, b"new", overwrite=True)
    assert path.read_bytes() == b"new" and path.stat().st_mode & 0o777 == 0o640
    assert [each.name for each in tmp_path.iterdir()] == ["old"]


def test_links_are_followed(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_bytes(b"old")
    link.symlink_to(real)
    write_output(link, b"new", overwrite=True)
    assert link.is_symlink() and real.read_bytes() == b"new"


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(b"precious")
    for target in (path, tmp_path / "new.tflite"):
        with pytest.raises(OSError, match="No space left") as error:
            write_output(target, b"new", overwrite=True)
        assert error.value.filename == str(target)
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [
        ("model.tflite", b"precious")
    ]


def test_an_interruption_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    path = tmp_path / "model.tflite"
    path.write_bytes(b"precious")
    with pytest.raises(KeyboardInterrupt):
        write_output(path, b"new", overwrite=True)
    assert [each.read_bytes() for each in tmp_path.iterdir()] == [b"precious"]


def test_devices_are_written_to(tmp_path: Path) -> None:
    write_output(os.devnull, b"nothing")
    assert Path(os.devnull).is_char_device()
    with pytest.raises(OSError, match=r"No space left on device: '/dev/full'"):
        write_output("/dev/full", b"much")


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("file", FileExistsError, "file exists already; choose another name, or overwrite it"),
        (".", IsADirectoryError, "a directory, expected the name of a file"),
        ("none/file", FileNotFoundError, "none: no such directory."),
        ("file/file", NotADirectoryError, "file: a file, expected a directory."),
    ],
)
def test_what_cannot_be_written_is_said(
    tmp_path: Path, name: str, error: type[Exception], message: str
) -> None:
    (tmp_path / "file").write_bytes(b"precious")
    for action in (lambda path: check_output(path, False), lambda path: write_output(path, b"")):
        act: Any = action
        with pytest.raises(error, match=message):
            act(tmp_path / name)
    assert (tmp_path / "file").read_bytes() == b"precious"


def test_standard_output_is_no_file() -> None:
    with pytest.raises(ValueError, match="not written to standard output; name a file"):
        write_output("-", b"")


def test_two_outputs_are_two_files(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    check_distinct(real, link)
    link.symlink_to(real)
    for other in (real, link, tmp_path / "." / "real"):
        with pytest.raises(ValueError, match="is named for two outputs; expected a file of its"):
            check_distinct(real, tmp_path / "other", other)
    check_distinct(os.devnull, os.devnull)
