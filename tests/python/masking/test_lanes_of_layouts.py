# SPDX-License-Identifier: Apache-2.0
"""`ubp.lanes`: the same weights in the layouts of Keras, TFLite and PyTorch are the same lanes."""

from __future__ import annotations

import numpy as np
import pytest

from ubp.lanes import from_lanes, input_channels, to_lanes

KERAS = np.arange(2 * 3 * 5 * 7).reshape(2, 3, 5, 7)  # [kh, kw, in, out]
LANES = KERAS.reshape(30, 7)
LAYOUTS = {
    "keras": (KERAS, -1, None),
    "tflite": (KERAS.transpose(3, 0, 1, 2), 0, None),
    "torch": (KERAS.transpose(3, 2, 0, 1), 0, 1),
    "torch transposed": (KERAS.transpose(2, 3, 0, 1), 1, 0),
    "negative axes": (KERAS.transpose(3, 2, 0, 1), -4, -3),
}


@pytest.mark.parametrize(("weights", "channels", "inputs"), LAYOUTS.values(), ids=LAYOUTS)
def test_there_and_back(weights: np.ndarray, channels: int, inputs: int | None) -> None:
    np.testing.assert_array_equal(to_lanes(weights, channels, inputs), LANES)
    np.testing.assert_array_equal(from_lanes(LANES, weights.shape, channels, inputs), weights)
    assert input_channels(weights.shape, channels, inputs) == 5


@pytest.mark.parametrize(("weights", "axes"), [(KERAS[0, 0], (-1, 0)), (KERAS[0, 0].T, (0, 1))])
def test_dense_layers(weights: np.ndarray, axes: tuple[int, int]) -> None:
    np.testing.assert_array_equal(to_lanes(weights, *axes), KERAS[0, 0])
    np.testing.assert_array_equal(from_lanes(KERAS[0, 0], weights.shape, *axes), weights)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (4, r"input_axis is 4; expected an axis of the shape \(2, 3, 5, 7\)\.$"),
        ("in", r"input_axis is 'in'; expected an axis"),
        (3, r"input_axis is 3, which is channel_axis; expected another\.$"),
        (-1, r"input_axis is -1, which is channel_axis"),
    ],
)
def test_axes_that_there_are_not(inputs: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        to_lanes(KERAS, -1, inputs)
