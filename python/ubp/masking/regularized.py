# SPDX-License-Identifier: Apache-2.0
"""Schedules that regularise before they prune, and the penalty by which they do it.

From `begin_step` to `end_step` no weight is masked. Instead, a penalty in the loss of training
draws each kernel towards blocks of the final sparsity; every `frequency` steps it is updated by
what the kernel has become. At `end_step` the masks are chosen once, by importance as ever, and the
penalty ends; training that goes on trains the weights that are kept.

    strength  float32 scalar, non-trainable; what the penalty counts in the loss; 0: no penalty yet,
              or no more
    state     by name, float32, shape of the kernel, non-trainable; what the penalty depends on

Updates are pure functions of NumPy arrays [lanes, channels].
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from ubp.masking.importance import Matrix
from ubp.masking.schedules import (
    Schedule,
    check_attribute,
    check_later_end,
    check_steps,
    is_due,
)

if TYPE_CHECKING:
    from typing import Self  # Python 3.11

State = Mapping[str, Matrix]


class Blocks(NamedTuple):
    """The blocks of a kernel.

    size: channels of each.
    lanes: lanes of each.
    aligned: whether they start at channels that are multiples of the size.
    """

    size: int
    lanes: int
    aligned: bool


@dataclass(frozen=True)
class RegularizedSchedule(Schedule):
    """Masks at `end_step` only; a penalty until then.

    Attributes:
        final_sparsity: share of weights to remove at `end_step`, above 0 and below 1.
        begin_step: first update of the penalty, >= 0.
        end_step: the masks are chosen, and the penalty ends; > begin_step.
        frequency: steps between updates of the penalty, >= 1.

    Raises:
        ValueError: if an attribute is out of its range.
    """

    final_sparsity: float
    begin_step: int
    end_step: int
    frequency: int = 100

    state_names: ClassVar[tuple[str, ...]]

    def __post_init__(self) -> None:
        check_attribute(
            self, "final_sparsity", "a number above 0, below 1", lambda share: 0.0 < share < 1.0
        )
        check_steps(self, unbounded=False)
        check_later_end(self)

    def __call__(self, step: int) -> tuple[bool, float]:
        ends = step == self.end_step
        return ends or is_due(self, step), self.final_sparsity if step >= self.end_step else 0.0

    def ends_at(self) -> float:
        return self.final_sparsity

    def ending_at(self, sparsity: float) -> Self:
        return replace(self, final_sparsity=sparsity)

    def updates_before(self, step: int) -> int:
        """How many updates of the penalty come before the one that is due at a step, or was last.

        Args:
            step: >= begin_step.
        """
        return (step - self.begin_step) // self.frequency

    def strength_at(self, step: int) -> float:
        """What the penalty counts after the update at a step; 0 outside begin to end_step - 1."""
        regularizes = self.begin_step <= step < self.end_step
        return self._strength(self.updates_before(step)) if regularizes else 0.0

    @abstractmethod
    def _strength(self, updates: int) -> float:
        """What the penalty counts after the given number of updates and one more."""

    @abstractmethod
    def penalty(self, weights: Any, state: Mapping[str, Any], total: Callable[[Any], Any]) -> Any:
        """The penalty of strength 1: a scalar tensor.

        Args:
            weights: float32 tensor of any framework, the stored kernel in its own shape.
            state: tensors of the same shape.
            total: the framework's sum of all elements of a tensor.
        """

    def point(self, weights: Matrix, state: State) -> Matrix:
        """What the next update projects onto the blocks of the final sparsity: the weights."""
        return weights

    @abstractmethod
    def updated(
        self, step: int, weights: Matrix, projection: Matrix, state: State, blocks: Blocks
    ) -> State:
        """The state after the update at a step.

        Args:
            step: training steps begun.
            weights: float32 [lanes, channels], the stored kernel.
            projection: the same, `point` outside its best blocks set to zero.
            state: as the last update left it; zeros at the first.
            blocks: of the kernel.
        """
