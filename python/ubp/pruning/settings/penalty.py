# SPDX-License-Identifier: Apache-2.0
"""The penalty of a schedule that regularises, as a regulariser of a kernel's variable.

It sees the stored values, counts once where a layer is used twice, not at all where the layer is
not trainable, and is part of the loss that `evaluate` reports.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
from keras import ops

from ubp.masking.regularized import RegularizedSchedule


class Penalty(keras.regularizers.Regularizer):
    """A schedule's penalty on one weight, joined to the regulariser that the weight has.

    Args:
        schedule: says what the penalty is.
        strength: float32 scalar variable.
        state: float32 variables of the weight's shape.
        own: the weight's own regulariser, or None.
    """

    def __init__(
        self,
        schedule: RegularizedSchedule,
        strength: keras.Variable,
        state: Mapping[str, keras.Variable],
        own: Callable[[Any], Any] | None,
    ) -> None:
        self.strength = strength
        self.state = state
        self._schedule = schedule
        self._own = own

    def __call__(self, x: Any) -> Any:
        """The loss that the stored weight adds, a float32 scalar tensor."""
        state = {name: ops.convert_to_tensor(value) for name, value in self.state.items()}
        penalty = self._schedule.penalty(ops.cast(x, "float32"), state, ops.sum)
        loss = ops.convert_to_tensor(self.strength) * penalty
        return loss if self._own is None else loss + ops.cast(self._own(x), "float32")
