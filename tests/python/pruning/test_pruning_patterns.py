# SPDX-License-Identifier: Apache-2.0
"""Patterns: masks of the right shape, size and importance; methods and block sizes checked."""

from __future__ import annotations

import warnings

import keras
import numpy as np
import pytest
from pruning_models import assert_blocks, expected_kept

from ubp.pruning import AlignedBlock, UnalignedBlock, Unstructured

PATTERNS = [
    UnalignedBlock(4),
    UnalignedBlock(2),
    AlignedBlock(4),
    UnalignedBlock(2, lanes=4),
    AlignedBlock(4, lanes=4),
    Unstructured(),
]


def importance(lanes: int, channels: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((lanes, channels), dtype=np.float32)


@pytest.mark.parametrize("pattern", PATTERNS, ids=str)
@pytest.mark.parametrize("sparsity", [0.3, 0.8, 0.95])
def test_mask_has_the_count_and_shape_of_the_pattern(pattern, sparsity):
    mask = pattern.mask(importance(20, 12), sparsity, "optimal")
    assert mask.dtype == np.bool_ and mask.shape == (20, 12)
    assert mask.sum() == expected_kept(20, 12, pattern.block_weights, sparsity)
    aligned = isinstance(pattern, AlignedBlock)
    assert_blocks(mask, pattern.block_size, lanes=pattern.lanes, aligned=aligned)


@pytest.mark.parametrize("pattern", PATTERNS, ids=str)
def test_sparsity_zero_keeps_everything(pattern):
    assert pattern.mask(importance(4, 11), 0.0, "optimal").all()


def test_sparsity_below_the_reachable_keeps_as_many_blocks_as_fit():
    mask = UnalignedBlock(4).mask(importance(6, 11), 0.01, "optimal")
    assert (mask.sum(axis=1) == 8).all()


def test_lanes_of_a_block_do_not_change_what_can_be_reached():
    mask = UnalignedBlock(4, lanes=2).mask(importance(6, 11), 0.01, "optimal")
    assert (mask.sum(axis=1) == 8).all()


def test_lanes_that_no_group_divides_are_refused():
    with pytest.raises(ValueError, match="block_lanes is 4; expected a divisor of the layer's 6"):
        UnalignedBlock(2, lanes=4).mask(importance(6, 8), 0.5, "optimal")


def test_unstructured_keeps_the_largest():
    values = importance(7, 9)
    mask = Unstructured().mask(values, 0.7, "optimal")
    assert values[mask].min() > values[~mask].max()


def test_aligned_keeps_the_best_aligned_blocks():
    values = importance(8, 12)
    mask = AlignedBlock(4).mask(values, 0.5, "optimal")
    scores = values.reshape(8, 3, 4).sum(axis=-1)
    kept = mask.reshape(8, 3, 4).all(axis=-1)
    assert scores[kept].min() > scores[~kept].max()


def test_unaligned_keeps_at_least_what_aligned_keeps():
    values = importance(30, 16)
    unaligned = UnalignedBlock(4).mask(values, 0.8, "optimal")
    assert values[unaligned].sum() > values[AlignedBlock(4).mask(values, 0.8, "optimal")].sum()


@pytest.mark.parametrize("method", ["optimal", "bed", "greedy", "aligned"])
def test_method_reaches_the_selection(method):
    values = importance(30, 16, seed=3)
    mask = UnalignedBlock(4).mask(values, 0.8, method)
    optimal = UnalignedBlock(4).mask(values, 0.8, "optimal")
    assert mask.sum() == optimal.sum()
    assert values[mask].sum() <= values[optimal].sum()
    assert_blocks(mask, 4, aligned=method == "aligned")


@pytest.mark.parametrize("kind", [UnalignedBlock, AlignedBlock])
@pytest.mark.parametrize("n", [0, -4, 2.5, "4"])
def test_bad_block_size_is_refused(kind, n):
    expected = rf"{kind.__name__}: block_size is {n!r}; expected a whole number"
    with pytest.raises(ValueError, match=expected):
        kind(n)


@pytest.mark.parametrize("kind", [UnalignedBlock, AlignedBlock])
@pytest.mark.parametrize("lanes", [0, -4, 2.5, "4", None])
def test_bad_lanes_are_refused(kind, lanes):
    expected = rf"{kind.__name__}: lanes is {lanes!r}; expected a whole number"
    with pytest.raises(ValueError, match=expected):
        kind(2, lanes=lanes)


def test_unknown_method_is_refused():
    with pytest.raises(ValueError, match=r"method is 'best'; expected one of .*optimal"):
        UnalignedBlock(4).resolve_method("best")


def test_unaligned_method_for_aligned_blocks_is_refused():
    with pytest.raises(ValueError, match=r"chooses unaligned blocks.*use UnalignedBlock\(8\)"):
        AlignedBlock(8).resolve_method("bed")
    with pytest.raises(ValueError, match=r"use UnalignedBlock\(2, lanes=4\)"):
        AlignedBlock(2, lanes=4).resolve_method("greedy")


@pytest.mark.parametrize("pattern", PATTERNS, ids=str)
def test_serialisation_round_trip(pattern):
    config = keras.saving.serialize_keras_object(pattern)
    assert keras.saving.deserialize_keras_object(config) == pattern


@pytest.mark.parametrize("kind", [UnalignedBlock, AlignedBlock])
def test_the_old_name_of_block_size_warns(kind):
    with pytest.warns(DeprecationWarning, match=rf"^{kind.__name__}\(n=8\) is now .*block_size=8"):
        pattern = kind(n=8)
    assert pattern == kind(block_size=8) == kind(8)
    with pytest.warns(DeprecationWarning, match=rf"^{kind.__name__}\.n is now .*\.block_size"):
        assert pattern.n == 8
    with pytest.raises(ValueError, match="n is the old name of block_size; both are given"):
        kind(2, n=8)


@pytest.mark.parametrize("kind", [UnalignedBlock, AlignedBlock])
def test_a_pattern_in_a_file_of_the_version_before_is_read_without_a_warning(kind):
    """Its module and the name of its field were others; the registered name is the same."""
    config = {
        "module": "ubp.masking.patterns",
        "class_name": kind.__name__,
        "config": {"n": 8},
        "registered_name": f"ubp>{kind.__name__}",
    }
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert keras.saving.deserialize_keras_object(config) == kind(8)


@pytest.mark.parametrize("pattern", PATTERNS, ids=str)
def test_the_text_of_a_pattern_makes_it(pattern):
    assert eval(repr(pattern)) == pattern
