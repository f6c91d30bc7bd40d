# SPDX-License-Identifier: Apache-2.0
"""The picture: the masks are those of the files, and there is something on it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from demo_models import pruned, small_network
from matplotlib.image import imread

import ubp
from demo.layers import Speedups
from demo.picture import KeptWeights, draw, kept_weights
from ubp.lanes import to_lanes


def test_masks_are_those_of_the_pruned_network() -> None:
    model = pruned(small_network(), ubp.UnalignedBlock(4))
    (kept,) = kept_weights({"unaligned": ubp.convert(model)}, (2,))
    expected = to_lanes(model.layers[2].kernel.numpy(), -1) != 0
    np.testing.assert_array_equal(kept.masks["unaligned"], expected)


def test_layer_without_weights_to_draw_is_refused() -> None:
    already = ubp.convert(pruned(small_network(), ubp.UnalignedBlock(4)))
    again = ubp.ConversionResult(already.model, already.model, already.report)
    with pytest.raises(ValueError, match="cannot be drawn"):
        kept_weights({"unaligned": again}, (2,))


def test_picture_shows_every_colour(tmp_path: Path) -> None:
    names = ("unaligned", "aligned", "unstructured")
    mask = np.random.default_rng(0).random((32, 64)) < 0.2
    kept = [KeptWeights("a layer", dict.fromkeys(names, mask))]
    bars = [Speedups("whole network", dict.fromkeys(names, 2.0)), Speedups("a layer", {})]
    draw(tmp_path / "picture.png", kept, {"one": bars, "two": bars})
    pixels = np.rint(imread(tmp_path / "picture.png")[..., :3] * 255).astype(int)
    for colour in ((0, 114, 178), (230, 159, 0), (0, 158, 115)):
        assert (pixels == colour).all(axis=-1).mean() > 0.01
