# SPDX-License-Identifier: Apache-2.0
"""Moments, and a convolution's inputs as lanes: against TensorFlow's own convolutions."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from ubp.reconstruction import Convolution, MomentSum, lane_inputs
from ubp.reconstruction.patches import padding_before


@given(st.integers(1, 9), st.integers(1, 5), st.integers(1, 60), st.booleans(), st.integers(0, 99))
def test_moments_are_those_of_all_samples(lanes, channels, samples, centred, seed):
    rng = np.random.default_rng(seed)
    x = (rng.normal(size=(samples, lanes)) + 100 * rng.normal(size=lanes)).astype(np.float32)
    y = (rng.normal(size=(samples, channels)) - 50).astype(np.float32)
    total = MomentSum(lanes, channels)
    for start in range(0, samples, 7):
        total.add(x[start : start + 7], y[start : start + 7])
    found = total.moments(centred=centred)
    x, y = x.astype(np.float64), y.astype(np.float64)
    means = (x.mean(axis=0), y.mean(axis=0))
    if centred:
        x, y = x - means[0], y - means[1]
    scale = max(np.abs(x).max(), np.abs(y).max(), 1) ** 2 if not centred else 50
    for value, expected in [
        (found.gram, x.T @ x / samples),
        (found.cross, x.T @ y / samples),
        (found.power, (y**2).mean(axis=0)),
        (found.input_mean, means[0] * centred),
        (found.target_mean, means[1] * centred),
    ]:
        np.testing.assert_allclose(value, expected, atol=2e-5 * scale)
    assert found.samples == samples


def test_many_lanes_are_multiplied_in_blocks_of_rows(monkeypatch):
    monkeypatch.setattr("ubp.reconstruction.moments._ROWS", 3)
    x = np.random.default_rng(0).normal(size=(50, 8)).astype(np.float32)
    total = MomentSum(8, 8)
    total.add(x, x)
    for centred in (True, False):
        found = total.moments(centred=centred)
        np.testing.assert_allclose(found.gram, found.cross, atol=1e-5)
        np.testing.assert_array_equal(found.gram, found.gram.T)


@pytest.mark.parametrize(
    ("inputs", "targets", "message"),
    [
        (np.ones((4, 3), "f4"), np.ones((4, 2), "f4"), r"inputs has the shape \(4, 3\)"),
        (np.ones((4, 2), "f4"), np.ones((5, 2), "f4"), r"targets has the shape \(5, 2\)"),
        (np.full((4, 2), np.nan, "f4"), np.ones((4, 2), "f4"), "inputs has values that are NaN"),
        (np.ones((4, 2), "f4"), np.full((4, 2), np.inf, "f4"), "targets has values"),
        (np.ones((4, 2), int), np.ones((4, 2), "f4"), "expected an array of floats"),
    ],
)
def test_wrong_samples_are_told(inputs, targets, message):
    with pytest.raises(ValueError, match=message):
        MomentSum(2, 2).add(inputs, targets)
    with pytest.raises(ValueError, match="no samples"):
        MomentSum(2, 2).moments()


@given(
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    st.tuples(st.integers(1, 4), st.integers(1, 4)),
    st.tuples(st.integers(1, 3), st.integers(1, 3)),
    st.integers(1, 2),
    st.sampled_from(["same", "valid"]),
)
def test_lanes_of_a_convolution(size, kernel, strides, dilation, padding):
    dilations = (dilation, dilation) if strides == (1, 1) else (1, 1)
    if padding == "valid" and any((kernel[i] - 1) * dilations[i] >= size[i] for i in (0, 1)):
        return
    rng = np.random.default_rng(0)
    pictures = rng.normal(size=(2, *size, 3)).astype(np.float32)
    weights = rng.normal(size=(*kernel, 3, 5)).astype(np.float32)
    expected = tf.nn.conv2d(pictures, weights, strides, padding.upper(), dilations=dilations)
    before = padding_before(padding, size, kernel, strides, dilations)
    geometry = Convolution(kernel, strides, dilations, before, tuple(expected.shape[1:3]))
    lanes = lane_inputs(pictures, geometry)
    found = lanes @ weights.reshape(-1, 5)
    np.testing.assert_allclose(found, expected.numpy().reshape(-1, 5), atol=1e-4)
    some = rng.permutation(len(lanes))[: len(lanes) // 2]
    np.testing.assert_array_equal(lane_inputs(pictures, geometry, some), lanes[some])


@given(
    st.tuples(st.integers(1, 5), st.integers(1, 5)),
    st.tuples(st.integers(1, 4), st.integers(1, 4)),
    st.tuples(st.integers(1, 3), st.integers(1, 3)),
    st.sampled_from(["SAME", "VALID"]),
)
def test_lanes_of_a_transposed_convolution(size, kernel, strides, padding):
    rng = np.random.default_rng(0)
    pictures = rng.normal(size=(2, *size, 3)).astype(np.float32)
    weights = rng.normal(size=(*kernel, 5, 3)).astype(np.float32)  # out, in
    if padding == "SAME":
        output = [size[i] * strides[i] for i in (0, 1)]
    else:
        output = [(size[i] - 1) * strides[i] + max(kernel[i], strides[i]) for i in (0, 1)]
    expected = tf.nn.conv2d_transpose(pictures, weights, [2, *output, 5], strides, padding)
    before = padding_before(padding.lower(), tuple(output), kernel, strides, (1, 1))
    geometry = Convolution(kernel, strides, (1, 1), before, tuple(output), transposed=True)
    found = lane_inputs(pictures, geometry) @ weights.transpose(0, 1, 3, 2).reshape(-1, 5)
    np.testing.assert_allclose(found, expected.numpy().reshape(-1, 5), atol=1e-4)
