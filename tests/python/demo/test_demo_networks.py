# SPDX-License-Identifier: Apache-2.0
"""The networks and the data of the demo."""

from __future__ import annotations

import numpy as np

from demo.digits import NUM_CLASSES, digits_network, load_digits
from demo.mobilenet import mobilenet, prune_in_one_shot


def test_digits_are_split_without_overlap() -> None:
    train, test = load_digits(0)
    assert (len(train), len(test)) == (1347, 450)
    assert train.pixels.dtype == np.float32
    assert 0 <= train.pixels.min() < train.pixels.max() <= 1
    both = np.concatenate([train.pixels, test.pixels]).reshape(1797, -1)
    assert len(np.unique(both, axis=0)) == 1797
    shares = [np.bincount(part.labels, minlength=NUM_CLASSES) / len(part) for part in (train, test)]
    np.testing.assert_allclose(*shares, atol=0.005)


def test_digits_split_depends_on_the_seed_only() -> None:
    first, again, other = (load_digits(seed)[1].labels for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_first_images() -> None:
    train, _ = load_digits(0)
    assert len(train.first(7)) == 7
    assert len(train.first(None)) == len(train)


def test_digits_network_fits_the_images() -> None:
    train, _ = load_digits(0)
    assert digits_network().predict(train.pixels[:2], verbose=0).shape == (2, NUM_CLASSES)


def test_mobilenet_is_pruned_in_its_1x1_convolutions_and_depends_on_its_input() -> None:
    model = mobilenet(32, 0.25, 0)
    pruned = prune_in_one_shot(model, 0)
    for before, after in zip(model.layers, pruned.layers, strict=True):
        if not before.weights or "bn" in before.name:
            continue
        zeros = np.mean(after.get_weights()[0] == 0)
        pointwise = before.name.startswith("conv_p")
        assert abs(zeros - (0.8 if pointwise else 0)) < 0.02, before.name
    noise = np.random.default_rng(1).standard_normal((2, 32, 32, 3)).astype(np.float32)
    for each in (model, pruned):
        first, second = each.predict(noise, verbose=0)
        assert np.abs(first - second).max() > 1e-4
