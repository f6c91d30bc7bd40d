# SPDX-License-Identifier: Apache-2.0
"""Interleaved timing and random inputs, with interpreters that only pretend."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ubp.runtime.inputs import assumed_shape, random_inputs, set_inputs
from ubp.timing import benchmark
from ubp.timing.interleaved import BenchmarkResult, Timing


class FakeInterpreter:
    """Has inputs of given types; notes what is done to it in a log shared with others."""

    def __init__(self, name: str, log: list[str], dtypes: tuple[Any, ...] = (np.float32,)) -> None:
        self.name, self.log, self.dtypes = name, log, dtypes
        self.values: dict[int, np.ndarray] = {}

    def allocate_tensors(self) -> None:
        self.log.append(f"allocate {self.name}")

    def get_input_details(self) -> list[dict[str, Any]]:
        return [
            {"index": 10 + i, "name": f"in{i}", "shape": np.array([2, 3]), "dtype": dtype}
            for i, dtype in enumerate(self.dtypes)
        ]

    def set_tensor(self, index: int, value: np.ndarray) -> None:
        self.values[index] = value

    def invoke(self) -> None:
        self.log.append(self.name)


def test_blocks_alternate_after_a_warm_up() -> None:
    log: list[str] = []
    fakes = {name: FakeInterpreter(name, log) for name in "ab"}
    benchmark(fakes, rounds=2, block=3, progress=False)
    assert log == ["allocate a", "allocate b", *"aaabbb" * 3]
    assert fakes["a"].values[10].shape == (2, 3)
    np.testing.assert_array_equal(fakes["a"].values[10], fakes["b"].values[10])


def test_the_result_has_one_timing_per_interpreter() -> None:
    result = benchmark({"a": FakeInterpreter("a", [])}, rounds=4, block=2, progress=False)
    timing = result.timings["a"]
    assert 0 <= timing.p10_ms <= timing.median_ms <= timing.p90_ms
    assert result.block_medians_ms["a"].shape == (4,)
    assert result.speedup("a", "a") == 1.0


def test_a_speedup_is_the_median_of_the_rounds_ratios() -> None:
    medians = {"fast": np.array([1.0, 2.0, 4.0]), "slow": np.array([3.0, 4.0, 40.0])}
    timing = Timing(1.0, 1.0, 1.0)
    result = BenchmarkResult({"fast": timing, "slow": timing}, medians)
    assert result.speedup("fast", against="slow") == 3.0
    assert result.speedup("slow", against="fast") == pytest.approx(1 / 3)


@pytest.mark.parametrize(("rounds", "block"), [(0, 10), (10, 0)])
def test_at_least_one_inference(rounds: int, block: int) -> None:
    with pytest.raises(ValueError, match="is 0; expected a whole number of at least 1"):
        benchmark({}, rounds=rounds, block=block)


def test_random_inputs_by_type() -> None:
    fake = FakeInterpreter("a", [], (np.float32, np.uint8, np.int8))
    values = random_inputs(fake, np.random.default_rng(0))
    assert [value.dtype for value in values] == [np.float32, np.uint8, np.int8]
    assert all(value.shape == (2, 3) for value in values)
    again = random_inputs(fake, np.random.default_rng(0))
    assert all(np.array_equal(a, b) for a, b in zip(values, again, strict=True))
    set_inputs(fake, values)
    assert fake.values[12] is values[2]


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.bool_])
def test_integers_are_indices_below_their_bound_or_zeros_and_ones(dtype: Any) -> None:
    fake = FakeInterpreter("a", [], (dtype, dtype))
    values = [
        np.concatenate(each)
        for each in zip(
            *(random_inputs(fake, np.random.default_rng(seed), {11: 5}) for seed in range(40)),
            strict=True,
        )
    ]
    assert [value.dtype for value in values] == [dtype, dtype]
    assert set(values[0].reshape(-1).tolist()) == {0, 1}
    assert set(values[1].astype(int).reshape(-1).tolist()) == (
        {0, 1} if dtype is np.bool_ else {*range(5)}
    )


def test_inputs_whose_meaning_is_unknown_are_named() -> None:
    with pytest.raises(ValueError, match="input 'in0' of type object"):
        random_inputs(FakeInterpreter("a", [], (np.object_,)), np.random.default_rng(0))


def test_open_sizes_are_those_of_a_usual_picture() -> None:
    def shape(signature: list[int]) -> tuple[int, ...]:
        detail = {"shape": np.abs(signature), "shape_signature": np.array(signature)}
        return assumed_shape(detail)

    assert shape([-1, -1, -1, 3]) == (1, 224, 224, 3)
    assert shape([4, 32, -1, -1]) == (4, 32, 224, 1)
    assert shape([-1, -1]) == (1, 128)
    assert shape([-1, -1, 64]) == (1, 128, 64)
    assert shape([-1]) == (1,) and shape([]) == ()
