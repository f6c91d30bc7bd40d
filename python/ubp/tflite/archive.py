# SPDX-License-Identifier: Apache-2.0
"""Archive: the zip that TensorFlow Lite Metadata appends to a model, with its label files and such.

The format of such a file is the flatbuffer, then the zip. Positions in a zip count from the start
of the file, so that it is written anew behind a flatbuffer of another size: its members stay as
they are, byte for byte, and the positions in its directory change.

    member       b"PK\\3\\4" ...
    directory    one entry per member: b"PK\\1\\2", ..., the member's position at byte 42
    end          b"PK\\5\\6", ..., number of entries at byte 10, the directory's size at 12 and
                 position at 16, the length of a comment at 20, the comment
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from ubp.tflite.flatbuffer import MAX_FILE_BYTES

_MEMBER, _ENTRY, _END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_ENTRY_BYTES, _END_BYTES = 46, 22
_POSITION_IN_ENTRY, _LENGTHS_IN_ENTRY = 42, 28
_MAX_COMMENT = 2**16 - 1
_IN_ZIP64 = (2**16 - 1, 2**32 - 1)  # what the number of entries, and positions, say then


def append_archive(model: bytes, source: bytes) -> bytes:
    """A model with the zip, if there is one, that is behind the model it was made from.

    Args:
        model: a flatbuffer.
        source: the whole file that it was made from.

    Raises:
        ValueError: if the zip has more than 65535 members, or the file would exceed 2 GB.
    """
    found = _find(source)
    if found is None:
        return model
    begin, directory, end = found
    shift = len(model) - begin
    archive = bytearray(source[begin:])
    base = _base(source, directory, end)
    for entry in _entries(source, directory, end):
        _move(archive, entry - begin + _POSITION_IN_ENTRY, base + shift)
    _move(archive, end - begin + 16, base + shift)
    if len(model) + len(archive) > MAX_FILE_BYTES:
        raise ValueError("the model with the files behind it would exceed 2 GB.")
    return model + bytes(archive)


def _find(data: bytes) -> tuple[int, int, int] | None:
    """Where a zip that ends the file has its first member, its directory, and its end."""
    first = max(0, len(data) - _END_BYTES - _MAX_COMMENT)
    end = data.rfind(_END, first)
    while end >= 0:
        if end + _END_BYTES <= len(data):
            count, size, _, comment = struct.unpack_from("<HIIH", data, end + 10)
            if end + _END_BYTES + comment == len(data):
                if count == _IN_ZIP64[0] or size == _IN_ZIP64[1]:
                    raise ValueError(
                        "the zip behind the model is in the ZIP64 format, which is not supported; "
                        "pack fewer files into the model."
                    )
                directory = end - size
                begin = _begin(data, directory, end, count) if directory >= 0 else None
                if begin is not None:
                    return begin, directory, end
        end = data.rfind(_END, first, end)
    return None


def _begin(data: bytes, directory: int, end: int, count: int) -> int | None:
    """Where the first member is; None if this is no directory of so many members."""
    entries = list(_entries(data, directory, end))
    if len(entries) != count:
        return None
    base = _base(data, directory, end)
    members = [
        base + struct.unpack_from("<I", data, entry + _POSITION_IN_ENTRY)[0] for entry in entries
    ]
    if not all(member >= 0 and data[member : member + 4] == _MEMBER for member in members):
        return None
    return min(members, default=directory)


def _base(data: bytes, directory: int, end: int) -> int:
    """What positions in the zip count from: 0, unless something was put in front of it since."""
    recorded: int = struct.unpack_from("<I", data, end + 16)[0]
    return directory - recorded


def _entries(data: bytes, directory: int, end: int) -> Iterator[int]:
    """Where the entries of the directory are, as far as they are sound."""
    entry = directory
    while entry + _ENTRY_BYTES <= end and data[entry : entry + 4] == _ENTRY:
        yield entry
        entry += _ENTRY_BYTES + sum(struct.unpack_from("<HHH", data, entry + _LENGTHS_IN_ENTRY))


def _move(archive: bytearray, at: int, by: int) -> None:
    position = struct.unpack_from("<I", archive, at)[0]
    struct.pack_into("<I", archive, at, position + by)
