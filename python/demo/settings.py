# SPDX-License-Identifier: Apache-2.0
"""How much work the demo does: FULL for a user, QUICK for the tests of the demo itself."""

from __future__ import annotations

from dataclasses import dataclass

SEED = 0
SPARSITY = 0.8
BLOCK_SIZE = 4
TEXT_WIDTH = 100  # characters, where there is no terminal to ask


@dataclass(frozen=True)
class Settings:
    """Sizes and lengths.

    train_images: how many of the training images are used; None for all.
    dense_epochs, pruning_epochs: passes over the training images.
    mask_updates: how often the masks are chosen anew while the sparsity rises.
    mobilenet_alpha: MobileNet's width.
    mobilenet_size: height and width of MobileNet's input in pixels.
    rounds: rounds of each latency measurement, see `ubp.benchmark`.
    """

    train_images: int | None
    dense_epochs: int
    pruning_epochs: int
    mask_updates: int
    mobilenet_alpha: float
    mobilenet_size: int
    rounds: int


FULL = Settings(
    train_images=None,
    dense_epochs=8,
    pruning_epochs=8,
    mask_updates=20,
    mobilenet_alpha=1.0,
    mobilenet_size=224,
    rounds=50,
)
QUICK = Settings(
    train_images=512,
    dense_epochs=6,
    pruning_epochs=1,
    mask_updates=2,
    mobilenet_alpha=0.25,
    mobilenet_size=96,
    rounds=2,
)
