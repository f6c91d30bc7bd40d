# SPDX-License-Identifier: Apache-2.0
"""Kernel patterns, block-punched pruning and balanced starts, from `prune` to the interpreter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from pruning_models import compiled, data, functional_model

import ubp
from ubp.lanes import to_lanes
from ubp.pruning import AlignedBlock, KernelPattern, Pattern, UnalignedBlock, Unstructured

SCHEMES: list[Pattern] = [
    KernelPattern(),
    KernelPattern(entries=4, library=3, block_size=4),
    AlignedBlock(4, lanes=8),
    AlignedBlock(8, lanes=2),
    UnalignedBlock(4, max_per_start=5),
    UnalignedBlock(2, lanes=4, max_per_start=3),
]
LAYERS = ["conv_3x3", "conv_strided", "branch_1x1"]


def kernels(model: keras.Model) -> list[np.ndarray]:
    """[lanes, channels] of the layers that are pruned."""
    return [to_lanes(model.get_layer(name).kernel.numpy(), -1) for name in LAYERS]


def assert_of(pattern: Pattern, model: keras.Model) -> None:
    """The zeros are what the pattern allows, by its own words and by definition."""
    for name, kernel in zip(LAYERS, kernels(model), strict=True):
        mask = kernel != 0
        inputs = model.get_layer(name).kernel.shape[-2]
        assert pattern.fault(mask, pattern.resolve_method("optimal"), inputs) is None
        if isinstance(pattern, KernelPattern):
            taps = mask.reshape(-1, inputs, mask.shape[1] // pattern.block_size, pattern.block_size)
            assert (taps == taps[..., :1]).all()
            flat = taps[..., 0].reshape(len(taps), -1)
            assert set(flat.sum(axis=0)) <= {0, min(pattern.entries, len(taps))}
            assert len(np.unique(flat[:, flat.any(axis=0)], axis=1).T) <= pattern.library


@pytest.mark.parametrize("pattern", SCHEMES[1:5], ids=str)
def test_trained_saved_stripped_and_converted(pattern: Pattern, tmp_path: Path) -> None:
    model = functional_model(channels=16)
    schedule = ubp.PolynomialDecay(0.0, 0.75, 0, 4, frequency=1)
    pruned = compiled(ubp.prune(model, schedule, pattern, layers=LAYERS))
    x, y = data()
    pruned.fit(x, y, batch_size=4, epochs=1, callbacks=[ubp.UpdatePruning()], verbose=0)
    pruned.save(tmp_path / "pruned.keras")
    loaded = keras.models.load_model(tmp_path / "pruned.keras")
    assert [layer.settings.pattern for layer in loaded.layers if hasattr(layer, "settings")] == [
        pattern
    ] * len(LAYERS)
    final = ubp.strip(loaded)
    assert_of(pattern, final)
    zeros = sum(int((kernel == 0).sum()) for kernel in kernels(final))
    assert zeros / sum(kernel.size for kernel in kernels(final)) == pytest.approx(0.75, abs=0.02)
    result = ubp.convert(final, min_speedup=0)
    taken = {layer.name for layer in result.report if layer.taken}
    assert len(taken) >= len(LAYERS)
    assert ubp.verify(result.dense, result.model).passed


@pytest.mark.parametrize("pattern", SCHEMES[4:], ids=str)
def test_balanced_starts_without_training(pattern: UnalignedBlock) -> None:
    model = functional_model(channels=16)
    pictures = np.random.default_rng(0).normal(size=(96, 8, 8, 2)).astype(np.float32)
    result = ubp.prune_without_training(
        model, pictures, 0.8, pattern, layers=["conv_3x3", "conv_strided"], progress=False
    )
    for name in ("conv_3x3", "conv_strided"):
        kernel = to_lanes(result.model.get_layer(name).kernel.numpy(), -1) != 0
        assert most_per_start(kernel, pattern) <= cap_of(kernel, pattern)


def most_per_start(mask: np.ndarray, pattern: UnalignedBlock) -> int:
    """Blocks that start at the same channel, found by walking each group of lanes."""
    counts = np.zeros(mask.shape[1], int)
    for lane in mask[:: pattern.lanes]:
        channel = 0
        while channel < len(lane):
            if lane[channel]:
                counts[channel] += 1
                channel += pattern.block_size
            else:
                channel += 1
    return int(counts.max())


def cap_of(mask: np.ndarray, pattern: UnalignedBlock) -> int:
    """The cap, or what the blocks need at least, with what the search for it may add."""
    assert pattern.max_per_start is not None
    blocks = mask.sum() / pattern.block_weights
    needed = int(np.ceil(blocks / (mask.shape[1] - pattern.block_size + 1)))
    return max(pattern.max_per_start, needed + 1 + needed // 2)


@pytest.mark.parametrize("scope", ["layer", "global", "latency"])
def test_balanced_starts_in_every_scope(scope: str) -> None:
    pattern = UnalignedBlock(4, max_per_start=6)
    model = functional_model(channels=32)
    masks = {}
    for each in (pattern, UnalignedBlock(4)):
        pruned = ubp.prune(model, ubp.ConstantSparsity(0.85), each, layers=LAYERS, scope=scope)
        masks[each] = [kernel != 0 for kernel in kernels(ubp.strip(pruned))]
    for capped, free in zip(*masks.values(), strict=True):
        assert capped.sum() == free.sum()
        assert most_per_start(capped, pattern) <= cap_of(capped, pattern)
    assert any(
        most_per_start(free, pattern) > cap_of(free, pattern) for free in masks[UnalignedBlock(4)]
    )


def test_kernel_patterns_keep_no_more_than_blocks() -> None:
    """Of as many weights: what product and pages say of all of these schemes."""
    importance = np.abs(np.random.default_rng(0).normal(size=(9 * 32, 64))).astype(np.float32)
    for size in (1, 4):
        pattern = KernelPattern(block_size=size).mask(importance, 0.89, "optimal", 32)
        blocks = UnalignedBlock(size).mask(importance, 0.89, "optimal", 32)
        assert abs(int(pattern.sum()) - int(blocks.sum())) <= 4 * size
        assert importance[pattern].sum() < importance[blocks].sum()


def test_layers_of_one_tap_lose_whole_kernels() -> None:
    importance = np.random.default_rng(0).random((16, 8)).astype(np.float32)
    mask = KernelPattern(block_size=4).mask(importance, 0.5, "optimal", 16)
    np.testing.assert_array_equal(mask, AlignedBlock(4).mask(importance, 0.5, "optimal"))


def test_a_small_sparsity_is_raised_to_that_of_whole_patterns() -> None:
    importance = np.random.default_rng(0).random((18, 8)).astype(np.float32)
    assert KernelPattern().mask(importance, 0.0, "optimal", 2).all()
    assert KernelPattern().mask(importance, 0.1, "optimal", 2).mean() == pytest.approx(4 / 9)


@pytest.mark.parametrize("scope", ["global", "latency"])
def test_budgets_refuse_kernel_patterns(scope: str) -> None:
    with pytest.raises(ValueError, match=r"layer 'conv_3x3': KernelPattern.*use scope='layer'"):
        ubp.strip(
            ubp.prune(
                functional_model(),
                ubp.ConstantSparsity(0.8),
                KernelPattern(),
                layers=LAYERS,
                scope=scope,
            )
        )


def test_kernel_patterns_are_refused_where_blocks_are_needed() -> None:
    pictures = np.zeros((96, 8, 8, 2), np.float32)
    with pytest.raises(ValueError, match=r"pattern of layer 'conv_3x3' is KernelPattern\(.*blocks"):
        ubp.prune_without_training(
            functional_model(), pictures, 0.8, KernelPattern(), layers=LAYERS, progress=False
        )
    refused = [
        (KernelPattern(), "but it is not made of blocks; expected blocks without a cap"),
        (UnalignedBlock(4, max_per_start=3), "but it caps the blocks that start at a channel; exp"),
    ]
    for pattern, message in refused:
        with pytest.raises(ValueError, match=message):
            ubp.prune_tflite(b"", pictures, 0.8, pattern=pattern)


@pytest.mark.parametrize(
    ("pattern", "fault"),
    [
        (KernelPattern(entries=3), "a kernel keeps 4 taps"),
        (KernelPattern(block_size=2), "it keeps 1 channels from"),
        (KernelPattern(library=1), "there are . patterns"),
    ],
)
def test_given_masks_have_to_be_of_the_pattern(pattern: KernelPattern, fault: str) -> None:
    model = keras.Sequential([keras.Input((8, 8, 4)), layers.Conv2D(8, 3, name="conv")])
    importance = np.random.default_rng(0).random((36, 8)).astype(np.float32)
    mask = KernelPattern(library=3).mask(importance, 0.8, "optimal", 4)
    pruned = ubp.prune(model, masks={"conv": mask}, pattern=KernelPattern(library=3))
    assert np.array_equal(to_lanes(ubp.strip(pruned).layers[-1].kernel.numpy(), -1) != 0, mask)
    with pytest.raises(ValueError, match=fault):
        ubp.prune(model, masks={"conv": mask}, pattern=pattern)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: KernelPattern(0), "KernelPattern: entries is 0; expected a whole number"),
        (lambda: KernelPattern(library=0), "KernelPattern: library is 0; expected a whole"),
        (lambda: KernelPattern(block_size=2.0), "KernelPattern: block_size is 2.0; expected"),  # type: ignore[arg-type]
        (lambda: UnalignedBlock(4, max_per_start=0), "UnalignedBlock: max_per_start is 0"),
        (lambda: KernelPattern().resolve_method("bed"), "method is 'bed', which chooses unaligned"),
    ],
)
def test_impossible_patterns(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_pattern_is_saved_with_unstructured_as_before() -> None:
    for pattern in (*SCHEMES, Unstructured()):
        config = keras.saving.serialize_keras_object(pattern)
        assert keras.saving.deserialize_keras_object(config) == pattern
        assert eval(repr(pattern)) == pattern
