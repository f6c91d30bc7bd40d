# SPDX-License-Identifier: Apache-2.0
"""ubp.data: whatever a user has, as batches; what is wrong with it, in one sentence."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ubp.data import Input, Samples, read_samples
from ubp.data.samples import HELD_OUT

ONE = [Input("x", (4,))]
TWO = [Input("a", (4,)), Input("b", (2, 3), also=("second",))]


def rows(count: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(count).normal(size=(count, *shape)).astype(np.float32)


def together(samples: Samples) -> list[np.ndarray]:
    """All samples as one array per input."""
    return [np.concatenate(parts) for parts in zip(*samples, strict=True)]


def in_some_order(found: np.ndarray, wanted: np.ndarray) -> bool:
    """Whether two arrays have the same rows."""
    return np.array_equal(*(np.sort(each.reshape(len(each), -1), 0) for each in (found, wanted)))


def test_an_array_in_batches_any_number_of_times() -> None:
    x = rows(70, 4)
    samples = read_samples(x, ONE)
    assert len(samples) == 70
    for _ in range(2):
        assert [len(batch) for (batch,) in samples] == [32, 32, 6]
        assert in_some_order(together(samples)[0], x)
    assert [len(batch) for (batch,) in samples.batched(50)] == [50, 20]


def test_samples_are_drawn_from_the_seed() -> None:
    x = np.repeat(np.arange(1000, dtype=np.float32), 4).reshape(1000, 4)  # as if sorted by class
    numbers = together(read_samples(x, ONE, limit=100))[0][:, 0]
    assert len(numbers) == 100 + HELD_OUT == len(set(numbers))
    assert numbers.max() > 900 and numbers.min() < 100
    assert np.array_equal(together(read_samples(x, ONE, limit=100))[0][:, 0], numbers)
    assert not np.array_equal(together(read_samples(x, ONE, limit=100, seed=1))[0][:, 0], numbers)


@given(count=st.integers(8, 700), limit=st.integers(8, 600))
def test_samples_to_judge_by_are_no_others(count: int, limit: int) -> None:
    x = np.repeat(np.arange(count, dtype=np.float32), 4).reshape(count, 4)
    samples = read_samples(x, ONE, limit=limit)
    calibration, held_out = samples.split(limit)
    first, second = (set(together(each)[0][:, 0]) for each in (calibration, held_out))
    assert not first & second and len(first) <= limit and len(second) <= HELD_OUT
    assert len(second) >= 2
    if count <= limit:
        assert len(second) == min(64, max(2, count // 8)) and len(first) == count - len(second)
    if count >= limit + HELD_OUT:
        assert (len(first), len(second)) == (limit, HELD_OUT)


@pytest.mark.parametrize(
    "kind", ["tuple", "list", "dictionary", "named", "files", "npz", "numbered"]
)
def test_several_inputs(kind: str, tmp_path: Path) -> None:
    a, b = rows(20, 4), rows(20, 2, 3)
    np.save(tmp_path / "a.npy", a)
    np.save(tmp_path / "b.npy", b)
    np.savez(tmp_path / "ab.npz", b=b, a=a, labels=np.arange(20))
    np.savez(tmp_path / "numbered.npz", a, b)
    data: dict[str, Any] = {
        "tuple": (a, b),
        "list": [a, b],
        "dictionary": {"b": b, "a": a},
        "named": {"second": b, "a": a},
        "files": [tmp_path / "a.npy", str(tmp_path / "b.npy")],
        "npz": tmp_path / "ab.npz",
        "numbered": tmp_path / "numbered.npz",
    }
    found = together(read_samples(data[kind], TWO))
    order = [int(np.flatnonzero((a == row).all(1))[0]) for row in found[0]]
    assert sorted(order) == list(range(20))
    assert np.array_equal(found[1], b[order])


def batches(kind: str) -> Iterator[Any]:
    for number in range(5):
        x = rows(10 + number, 4)
        yield {"x": x, "(x,)": (x,), "(x, y)": (x, np.arange(3)), "{x}": {"x": x}}[kind]


@pytest.mark.parametrize("kind", ["x", "(x,)", "(x, y)", "{x}"])
def test_an_iterable_is_gone_through_once(kind: str) -> None:
    samples = read_samples(batches(kind), ONE)
    wanted = np.concatenate([rows(10 + number, 4) for number in range(5)])
    for _ in range(2):
        assert in_some_order(together(samples)[0], wanted)


def test_an_endless_iterable_ends() -> None:
    taken = 0

    def endless() -> Iterator[np.ndarray]:
        nonlocal taken
        while True:
            taken += 1
            yield rows(16, 4) + taken

    assert len(read_samples(endless(), ONE, limit=100)) == 100 + HELD_OUT
    assert taken == 11


def test_a_dataset_of_tensorflow() -> None:
    tf = pytest.importorskip("tensorflow")
    a, b, y = rows(20, 4), rows(20, 2, 3), np.arange(20)
    dataset = tf.data.Dataset.from_tensor_slices(((a, b), y)).batch(8)
    assert in_some_order(together(read_samples(dataset, TWO))[1], b)
    named = tf.data.Dataset.from_tensor_slices(({"a": a, "second": b}, y)).batch(8)
    assert in_some_order(together(read_samples(named, TWO))[1], b)
    assert in_some_order(together(read_samples(tf.constant(a), ONE))[0], a)
    pairs = (batch for batch in [(a, b), (a + 1, b)])
    assert len(read_samples(pairs, TWO)) == 40


def test_integers_become_what_the_model_takes() -> None:
    x = np.arange(80, dtype=np.uint8).reshape(20, 4)
    (found,) = together(read_samples(x, ONE))
    assert found.dtype == np.float32 and in_some_order(found, x.astype(np.float32))
    indices = [Input("x", (4,), np.dtype(np.int32))]
    assert together(read_samples(x.astype(np.int64), indices))[0].dtype == np.int32


def test_files_stay_on_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(200_000, 4))[:] = (
        np.arange(4) + np.arange(200_000)[:, None]
    )
    samples = read_samples(path, ONE, limit=10)
    assert isinstance(samples.columns[0]._array, np.memmap)
    assert len(samples) == 10 + HELD_OUT


def nan_at(number: int) -> np.ndarray:
    x = rows(20, 4)
    x[number, 2] = np.nan
    return x


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (rows(20, 5), r"'x' is given an array of shape \(20, 5\); expected \(samples, 4\)\.$"),
        (rows(4), r"of shape \(4,\); expected \(samples, 4\), the first dimension being the samp"),
        (rows(0, 4), r"^data has 0 samples; expected at least 8, and some hundred"),
        (rows(1, 4), r"^data has 1 sample; expected at least 8"),
        (nan_at(7), r"^data: sample 7 of input 'x' has values that are not finite; leave it out"),
        (np.ones((20, 4)), r"^data has 20 samples that are all the same"),
        (np.full((20, 4), "cat"), r"array of type <U3; expected float32\.$"),
        (3, r"^data is 3; expected arrays as the model takes them, an iterable"),
        (b"x", r"^data is b'x'; expected arrays"),
        ([], r"^data has 0 samples"),
        ([[1.0, 2.0]], r"^data has 2 arrays|^data holds 1\.0; expected an iterable of batches"),
        ([rows(4, 4), rows(4, 5)], r"of shape \(4, 5\); expected \(samples, 4\)"),
        ((rows(20, 4), "x"), r"^data has 1 paths and 1 of something else"),
        ({"z": rows(20, 4), "w": rows(20, 4)}, r"^data has no array for input 'x'; it has z, w\.$"),
    ],
)
def test_bad_data_is_one_sentence(data: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        read_samples(data, ONE)
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")


def test_bad_data_for_several_inputs() -> None:
    with pytest.raises(ValueError, match=r"^data has arrays of \[20, 21\] samples; expected as"):
        read_samples([rows(20, 4), rows(21, 2, 3)], TWO)
    with pytest.raises(ValueError, match=r"^data has 1 arrays for a model with 2 inputs"):
        read_samples(rows(20, 4), TWO)
    with pytest.raises(ValueError, match=r"^data has no array for input 'b'; it has a\.$"):
        read_samples({"a": rows(20, 4)}, TWO)
    with pytest.raises(ValueError, match=r"^data has 1 arrays for a model with 2 inputs"):
        read_samples(iter([rows(20, 4)]), TWO)


def test_few_samples_are_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "ubp"):
        read_samples(rows(64, 4), ONE)
        assert not caplog.records
        read_samples(rows(63, 4), ONE)
    assert "data has 63 samples, which is few; some hundred" in caplog.text


@pytest.mark.parametrize("value", [0, -1, True, 1.5, None, "2"])
def test_a_limit_that_is_none(value: Any) -> None:
    with pytest.raises(ValueError, match=r"^limit is "):
        read_samples(rows(20, 4), ONE, limit=value)


def test_batches_of_several_types_are_refused() -> None:
    """Rather than cast to that of the first."""
    data = [np.ones((8, 4), np.uint8), np.full((8, 4), 0.5, np.float32)]
    with pytest.raises(ValueError, match=r"^data: a sample of type float32 behind one of uint8; e"):
        read_samples(iter(data), ONE)


def test_why_something_does_not_become_an_array_is_said() -> None:
    class OnAnotherDevice:
        def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
            raise NotImplementedError("it is on\n the moon.")

    with pytest.raises(ValueError, match=r"which does not become an array: it is on the moon\.$"):
        read_samples(iter([OnAnotherDevice()]), ONE)
