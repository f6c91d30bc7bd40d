# SPDX-License-Identifier: Apache-2.0
"""What all runs of an experiment have in common."""

from __future__ import annotations

from dataclasses import dataclass, field

BATCH = 64  # pictures of one step of training


@dataclass(frozen=True)
class Settings:
    """How much is trained and tested with.

    train, test: numbers of pictures.
    dense_steps: of the training of a dense network.
    dense_rates: its learning rate at the first step, by the network's name.
    most_steps: of a recipe; longer ones are cut.
    """

    train: int
    test: int
    dense_steps: int
    dense_rates: dict[str, float] = field(default_factory=lambda: {"vgg": 2e-3, "mobilenet": 3e-3})
    most_steps: int = 10_000


FULL = Settings(train=20_000, test=8_000, dense_steps=1_875)  # six passes
QUICK = Settings(train=640, test=320, dense_steps=20, most_steps=20)
