"""Images that networks with random weights tell apart."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]


def random_images(size: int, batch: int, seed: int) -> Array:
    """Images [batch, size, size, 3] from 0 to 255: noise on patches of colour.

    Noise alone would look the same to a network that takes averages.
    """
    rng = np.random.default_rng(seed)
    patch = -(-size // 5)
    patches = rng.random((batch, 5, 5, 3), np.float32).repeat(patch, 1).repeat(patch, 2)
    return 160 * patches[:, :size, :size] + 95 * rng.random((batch, size, size, 3), np.float32)
