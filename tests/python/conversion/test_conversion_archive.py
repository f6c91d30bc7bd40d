# SPDX-License-Identifier: Apache-2.0
"""ubp.tflite.archive: the files that TensorFlow Lite Metadata appends to a model come along."""

import io
import struct
import zipfile

import pytest
from test_conversion_fuzz import DENSE

from ubp.conversion import convert
from ubp.conversion.unpacking import unpack
from ubp.tflite.archive import append_archive

FILES = {"labels.txt": b"cat\ndog\n" * 100, "vocabulary/words.txt": b"and\nor\n"}


def with_files(model: bytes, comment: bytes = b"") -> bytes:
    """As tflite_support's MetadataPopulator does it: zipfile appends to the model."""
    stream = io.BytesIO(model)
    with zipfile.ZipFile(stream, "a") as archive:
        for index, (name, content) in enumerate(FILES.items()):
            archive.writestr(name, content, (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)[index])
        archive.comment = comment
    return stream.getvalue()


def recorded_positions(data: bytes) -> list[int]:
    """Where the directory says that members are, for readers that take its word."""
    end = data.rindex(b"PK\5\6")
    count, _, entry = struct.unpack_from("<HII", data, end + 10)
    positions = []
    for _ in range(count):
        positions.append(struct.unpack_from("<I", data, entry + 42)[0])
        entry += 46 + sum(struct.unpack_from("<HHH", data, entry + 28))
    return positions


@pytest.mark.parametrize("comment", [b"", b"of the author's"])
def test_labels_are_readable_after_convert_and_unpack(comment: bytes) -> None:
    source = with_files(DENSE, comment)
    assert convert(source).dense == source
    converted = convert(source, min_speedup=0).model
    assert converted[: -len(source) + len(DENSE)] == convert(DENSE, min_speedup=0).model
    for data in (converted, unpack(converted)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            assert archive.testzip() is None
            assert {name: archive.read(name) for name in archive.namelist()} == FILES
            assert archive.comment == comment
        assert all(data[at : at + 4] == b"PK\3\4" for at in recorded_positions(data))


def test_positions_are_put_right_where_they_count_from_the_zip() -> None:
    """As when a zip that was made by itself is put behind a model with cat."""
    source = DENSE + with_files(b"")
    data = append_archive(DENSE[:-16], source)
    assert zipfile.ZipFile(io.BytesIO(data)).read("labels.txt") == FILES["labels.txt"]
    assert all(data[at : at + 4] == b"PK\3\4" for at in recorded_positions(data))


def test_an_empty_archive_comes_along() -> None:
    end = b"PK\5\6" + bytes(18)
    assert append_archive(b"model", b"longer model" + end)[:9] == b"modelPK\5\6"


@pytest.mark.parametrize("cut", [1, 10, 30, 200])
def test_a_damaged_archive_is_none(cut: int) -> None:
    source = bytearray(with_files(DENSE))
    source[len(DENSE) : len(DENSE) + 4] = b"gone"
    assert append_archive(b"model", bytes(source)) == b"model"
    assert append_archive(b"model", with_files(DENSE)[:-cut]) == b"model"


def test_zip64_is_refused() -> None:
    end = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 65535, 65535, 2**32 - 1, 2**32 - 1, 0)
    with pytest.raises(ValueError, match="ZIP64 format, which is not supported"):
        append_archive(b"model", DENSE + end)
