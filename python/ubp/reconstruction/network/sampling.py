# SPDX-License-Identifier: Apache-2.0
"""Which samples of a layer are added up: all output pixels, or as many as are needed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Sampling:
    """Which samples of a layer are added up.

    Attributes:
        most: samples of a layer; above that, as many pixels of each batch are drawn.
        batches: of the data.
        seed: of the draws.
    """

    most: int
    batches: int
    seed: int

    def draws(self, task: int) -> Draws:
        """Those of a task, by its number."""
        return Draws(self, np.random.default_rng([self.seed, task]))


@dataclass(frozen=True)
class Draws:
    """Draws for one task, the same for the same seed."""

    sampling: Sampling
    generator: np.random.Generator

    def of_most(self, most: int) -> Draws:
        """The same generator's, of fewer samples."""
        return Draws(replace(self.sampling, most=min(most, self.sampling.most)), self.generator)

    def choose(self, samples: int, calls: int) -> npt.NDArray[np.intp] | None:
        """Some samples of one call in a batch; None for all."""
        most = -(-self.sampling.most // (self.sampling.batches * calls))
        if samples <= most:
            return None
        return np.sort(self.generator.choice(samples, most, replace=False))
