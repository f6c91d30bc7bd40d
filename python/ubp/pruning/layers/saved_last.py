# SPDX-License-Identifier: Apache-2.0
"""SavedLast: tells a layer when Keras has saved it with all layers inside it.

Keras calls `save_own_variables` of a layer, then of the layers in its attributes by alphabet; that
of a `SavedLast` whose attribute comes after the others says that these are done. It has no weights.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras


class SavedLast(keras.layers.Layer):
    """A layer to be held in an attribute that comes after those of layers with weights.

    Args:
        then: called at the end of each saving.
    """

    def __init__(self, then: Callable[[], None]) -> None:
        super().__init__(name="saved_last")
        self._then = then
        self.built = True

    def save_own_variables(self, store: Any) -> None:
        """Nothing to save."""
        self._then()
