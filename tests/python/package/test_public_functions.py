# SPDX-License-Identifier: Apache-2.0
"""Every public function, called wrongly: one sentence of a documented kind, and nothing written.

A traceback out of the middle of the package, or an argument that is quietly taken for another, is
what this walk looks for.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from file_walks import one_convolution

import ubp

NAN, INF = float("nan"), float("inf")
NO_MODELS: list[Any] = [None, 3, 2.5, True, [], {}, object, np.zeros(3)]
NO_COUNTS: list[Any] = [0, -1, True, 1.5, NAN, INF, "2", None, [1]]
NO_NUMBERS: list[Any] = [NAN, INF, -INF, True, "1.1", None, [1.0]]


@pytest.fixture(scope="module")
def dense() -> bytes:
    return one_convolution()


@pytest.fixture(scope="module")
def sparse(dense: bytes) -> bytes:
    return ubp.convert(dense).model


def refuse(call: Callable[[], object], *kinds: type[Exception]) -> str:
    """The sentence that a call ends with."""
    with pytest.raises(kinds or (ValueError,)) as caught:
        call()
    text = str(caught.value)
    assert text.endswith(".") and "\n" not in text, text
    return text


@pytest.mark.parametrize("wrong", NO_MODELS, ids=repr)
def test_what_is_no_model(wrong: Any, dense: bytes) -> None:
    for call in (
        lambda: ubp.convert(wrong),
        lambda: ubp.unpack(wrong),
        lambda: ubp.verify(wrong, dense),
        lambda: ubp.verify(dense, wrong),
        lambda: ubp.Interpreter(wrong),
    ):
        refuse(call)


def test_paths_that_lead_to_no_model(tmp_path: Path, dense: bytes) -> None:
    (tmp_path / "text").write_text("text")
    before = sorted(tmp_path.iterdir())
    for name in ("none", "none/none", ".", "text", "text/none", ""):
        path = tmp_path / name if name else Path()
        for call in (
            lambda path=path: ubp.convert(path),
            lambda path=path: ubp.unpack(path),
            lambda path=path: ubp.verify(path, dense),
            lambda path=path: ubp.verify(dense, path),
        ):
            refuse(call, ValueError, FileNotFoundError, NotADirectoryError, IsADirectoryError)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("wrong", NO_COUNTS, ids=repr)
def test_what_is_no_count(wrong: Any, dense: bytes, sparse: bytes) -> None:
    for name in ("runs", "num_threads"):
        message = refuse(lambda name=name: ubp.verify(dense, sparse, **{name: wrong}))
        assert message.startswith(f"{name} is ")
    for name in ("rounds", "block"):
        message = refuse(lambda name=name: ubp.benchmark({}, **{name: wrong}))
        assert message.startswith(f"{name} is ")
    if wrong is not None and wrong != 1:
        refuse(lambda: ubp.convert(dense, block_size=wrong))


@pytest.mark.parametrize("wrong", NO_NUMBERS, ids=repr)
def test_what_is_no_number(wrong: Any, dense: bytes, sparse: bytes) -> None:
    assert refuse(lambda: ubp.convert(dense, min_speedup=wrong)).startswith("min_speedup is ")
    if wrong is not None:
        call = lambda: ubp.verify(dense, sparse, tolerance=wrong)  # noqa: E731
        assert refuse(call).startswith("tolerance is ")


@pytest.mark.parametrize("wrong", [3, True, [], ["f32"], "f64", object], ids=repr)
def test_what_is_none_of_the_choices(wrong: Any, dense: bytes) -> None:
    refuse(lambda: ubp.convert(dense, weights=wrong))
    refuse(lambda: ubp.convert(dense, block_size=wrong))
    refuse(lambda: ubp.convert(dense, costs=wrong))


@pytest.mark.parametrize(
    "wrong",
    [3, "1,8,8,64", [8], [(1, 8, 8, NAN)], [(1, 8, 8, True)], [(-1, 8, 8, 64)], []],
    ids=repr,
)
def test_what_is_no_shape(wrong: Any, dense: bytes, sparse: bytes) -> None:
    refuse(lambda: ubp.convert(dense, shapes=wrong))
    refuse(lambda: ubp.verify(dense, sparse, shapes=wrong))


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        [np.zeros((1, 8, 8, 3))],
        [np.array(["text"])],
        np.zeros(3),
        "none.npy",
        [Path("none.npy")],
        [3],
        [None],
    ],
    ids=repr,
)
def test_what_are_no_inputs(wrong: Any, dense: bytes, sparse: bytes) -> None:
    refuse(lambda: ubp.verify(dense, sparse, wrong), ValueError, FileNotFoundError)


def test_a_full_disk(dense: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a result is saved; tests/python/cli has the commands."""
    path = tmp_path / "sparse.tflite"
    path.write_bytes(b"precious")

    def fsync(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match=r"No space left on device: '.*sparse\.tflite'"):
        ubp.convert(dense).save(path, overwrite=True)
    assert [each.read_bytes() for each in tmp_path.iterdir()] == [b"precious"]


def test_a_delegate_that_is_missing(
    dense: bytes, sparse: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UBP_DELEGATE", "/none.so")
    for call in (
        lambda: ubp.verify(dense, sparse),
        lambda: ubp.Interpreter(sparse),
        lambda: ubp.load_delegate(),
        lambda: ubp.delegate_path(),
    ):
        assert "UBP_DELEGATE names /none.so" in refuse(call, FileNotFoundError)
