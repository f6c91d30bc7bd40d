# SPDX-License-Identifier: Apache-2.0
"""Reweighted regularisation: its weights against a brute-force reference, and what it does."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers
from pruning_models import compiled, data, sequential_model

import ubp
from ubp.pruning.layers.pruned_layer import pruned_layers

STRENGTH, EPSILON = 0.01, 0.1


def expected_alpha(weights, size, starts, block_lanes=1):
    """1 / (|W_b|^2 + epsilon * mean) of the strongest block [starts] that covers each weight."""
    lanes, channels = weights.shape
    alpha = np.zeros(weights.shape)
    for lane in range(lanes):
        for channel in range(channels):
            covering = [start for start in starts if start <= channel < start + size]
            first = lane - lane % block_lanes
            rows = weights[first : first + block_lanes]
            strongest = max((rows[:, s : s + size] ** 2).sum() for s in covering)
            mean = size * block_lanes * (weights**2).mean()
            alpha[lane, channel] = 1.0 / (strongest + EPSILON * mean)
    return alpha


@pytest.mark.parametrize(
    ("pattern", "method", "starts"),
    [
        (ubp.UnalignedBlock(4), "optimal", range(7)),
        (ubp.UnalignedBlock(4), "bed", range(7)),
        (ubp.UnalignedBlock(10), "optimal", range(1)),
        (ubp.UnalignedBlock(5), "aligned", (0, 5)),
        (ubp.AlignedBlock(2), "optimal", range(0, 10, 2)),
        (ubp.UnalignedBlock(2, lanes=3), "optimal", range(9)),
        (ubp.AlignedBlock(5, lanes=2), "optimal", (0, 5)),
        (ubp.Unstructured(), "optimal", range(10)),
    ],
    ids=str,
)
def test_penalty_against_brute_force(pattern, method, starts):
    weights = np.random.default_rng(3).normal(size=(6, 10)).astype(np.float32)
    model = keras.Sequential([keras.Input((6,)), layers.Dense(10, use_bias=False, name="one")])
    model.set_weights([weights])
    schedule = ubp.ReweightedRegularization(0.5, 0, 100, strength=STRENGTH, epsilon=EPSILON)
    pruned = ubp.prune(model, schedule, pattern, method, layers="one")
    alpha = expected_alpha(weights, pattern.block_size, starts, pattern.lanes)
    (kernel,) = pruned_layers(pruned)[0].kernels
    np.testing.assert_allclose(kernel.penalty_state()["alpha"], alpha, rtol=1e-5)
    (loss,) = pruned.losses
    assert float(loss) == pytest.approx(STRENGTH * (alpha * weights**2).sum(), rel=1e-5)


def test_weight_on_another_axis():
    model = keras.Sequential(
        [keras.Input((5, 5, 3)), layers.Conv2DTranspose(8, 2, use_bias=False, name="up")]
    )
    weights = np.random.default_rng(3).normal(size=(2, 2, 8, 3)).astype(np.float32)
    model.set_weights([weights])
    schedule = ubp.ReweightedRegularization(0.5, 0, 100, epsilon=EPSILON)
    pruned = ubp.prune(model, schedule, layers="up")
    matrix = weights.transpose(0, 1, 3, 2).reshape(-1, 8)
    alpha = expected_alpha(matrix, 4, range(5)).reshape(2, 2, 3, 8).transpose(0, 1, 3, 2)
    (kernel,) = pruned_layers(pruned)[0].kernels
    np.testing.assert_allclose(kernel.penalty.state["alpha"].numpy(), alpha, rtol=1e-5)


def test_kernel_of_zeros():
    model = sequential_model()
    model.get_layer("hidden").kernel.assign(np.zeros((360, 16)))
    pruned = ubp.prune(model, ubp.ReweightedRegularization(0.5, 0, 100), layers="hidden")
    assert [float(loss) for loss in pruned.losses] == [0.0]


def test_kernels_come_nearer_to_blocks():
    schedule = ubp.ReweightedRegularization(0.75, 0, 60, frequency=4, strength=1e-2)
    pruned = compiled(ubp.prune(sequential_model(), schedule), jit_compile=False)
    update = ubp.UpdatePruning()
    residuals = []
    x, y = data()
    for _ in range(14):
        pruned.fit(x, y, batch_size=8, shuffle=False, verbose=0, callbacks=[update])
        residuals.append([each.residual for each in update.updates])
    assert (np.array(residuals[-1]) < 0.5 * np.array(residuals[0])).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"strength": 0.0}, "strength is 0.0; expected a finite number above 0"),
        ({"strength": float("inf")}, "strength is inf; expected a finite number above 0"),
        ({"epsilon": -1.0}, "epsilon is -1.0; expected a finite number above 0"),
    ],
)
def test_mistakes_end_in_a_clear_sentence(arguments, message):
    with pytest.raises(ValueError, match=message):
        ubp.ReweightedRegularization(0.5, 0, 100, **arguments)
