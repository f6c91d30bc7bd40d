# SPDX-License-Identifier: Apache-2.0
"""Turns, spreads and intervals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from bench.harness.statistics import Rounds, Spread, paired_difference, share_of_gap, take_turns


def test_all_take_turns_and_none_is_always_the_first() -> None:
    order: list[str] = []

    def measurement(name: str) -> int:
        order.append(name)
        return len(order)

    names = ("a", "b", "c")
    found = take_turns({name: lambda name=name: measurement(name) for name in names}, 3)
    assert "".join(order) == "cba" + "abc" + "cba"
    assert found == {"a": [3, 4, 9], "b": [2, 5, 8], "c": [1, 6, 7]}
    assert take_turns({"a": lambda: 1}, 0) == {"a": []}


def test_speedup_is_of_the_rounds_and_not_of_the_medians() -> None:
    drifting = Rounds([1.0, 10.0, 20.0, 30.0, 3.0], [1.0, 5.0, 5.0, 10.0, 2.0])
    speedup = drifting.speedup
    np.testing.assert_allclose((speedup.p10, speedup.median, speedup.p90), (1.2, 2.0, 3.6))
    assert drifting.xnnpack_ms.median / drifting.ubp_ms.median == pytest.approx(2.0)
    opposite = Rounds([1.0, 10.0, 20.0], [5.0, 10.0, 2.0])
    assert opposite.speedup.median == 1.0
    assert opposite.xnnpack_ms.median / opposite.ubp_ms.median == 2.0


def test_spread_of_one_measurement() -> None:
    assert Spread.of([3.0]) == Spread(3.0, 3.0, 3.0)


def test_paired_difference_is_that_of_the_paired_t_test() -> None:
    ours, theirs = np.random.default_rng(0).normal(size=(2, 12))
    interval = paired_difference(ours, theirs)
    expected = stats.ttest_rel(ours, theirs).confidence_interval(0.95)
    np.testing.assert_allclose((interval.low, interval.high), expected)
    assert interval.estimate == pytest.approx(float(np.mean(ours - theirs)))
    assert not interval.excludes_zero
    assert paired_difference(ours + 5, theirs).excludes_zero


def test_one_seed_has_no_interval() -> None:
    assert math.isnan(paired_difference([0.5], [0.4]).low)
    assert not paired_difference([0.5], [0.4]).excludes_zero
    share = share_of_gap([0.5], [0.4], [0.6])
    assert share.estimate == pytest.approx(0.5) and math.isnan(share.low)


def test_share_of_gap() -> None:
    lower, upper = np.array([0.4, 0.5, 0.6]), np.array([0.6, 0.7, 0.9])
    middle = share_of_gap((lower + upper) / 2, lower, upper)
    np.testing.assert_allclose((middle.estimate, middle.low, middle.high), 0.5)
    noisy = share_of_gap([0.5, 0.5, 0.9], lower, upper)
    assert noisy.estimate == pytest.approx(0.4 / 0.7)
    assert noisy.low < noisy.estimate < noisy.high
    assert math.isnan(share_of_gap(upper, lower, lower).estimate)


def test_a_gap_of_uncertain_sign_has_no_interval() -> None:
    share = share_of_gap([0.5, 0.5], [0.4, 0.4], [0.3, 0.6])
    assert share.estimate == pytest.approx(2.0) and math.isnan(share.low)
