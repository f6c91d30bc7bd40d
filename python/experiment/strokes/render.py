# SPDX-License-Identifier: Apache-2.0
"""From a scene to pixels: strokes are drawn by each pixel's distance to them."""

from __future__ import annotations

import numpy as np

from experiment.strokes.scene import SIZE, Floats, Scene


def render(scene: Scene) -> Floats:
    """Pictures [B, SIZE, SIZE] of values around 0; not clipped."""
    pixels = np.indices((SIZE, SIZE), dtype=np.float32)[::-1].reshape(2, -1)  # [(x, y), pixels]
    distance = np.full((len(scene.segments), SIZE**2), np.inf, np.float32)
    for stroke in np.moveaxis(scene.segments, 1, 0):
        distance = np.fmin(distance, _distance(pixels, stroke[:, 0], stroke[:, 1]))
    # A stroke's edge is half covered; coverage falls over one pixel, which is anti-aliasing.
    ink = np.clip(scene.half_width[:, None] + 0.5 - distance, 0, 1)
    background = scene.gradient @ (pixels - (SIZE - 1) / 2)
    clean = background + scene.contrast[:, None] * ink
    pictures: Floats = clean.reshape(-1, SIZE, SIZE) + scene.noise
    return pictures


def _distance(pixels: Floats, start: Floats, end: Floats) -> Floats:
    """Of every pixel to one segment of each picture: [B, pixels]; NaN where there is none.

    Args:
        pixels: [(x, y), pixels].
        start, end: [B, (x, y)].
    """
    along = end - start
    x, y = pixels[0] - start[:, :1], pixels[1] - start[:, 1:]
    length2 = np.maximum(np.sum(along**2, axis=1, keepdims=True), np.float32(1e-6))
    share = np.clip((x * along[:, :1] + y * along[:, 1:]) / length2, 0, 1)
    distance: Floats = np.hypot(x - share * along[:, :1], y - share * along[:, 1:])
    return distance
