# SPDX-License-Identifier: Apache-2.0
"""GivenMasks: the schedule of a layer whose first masks are given, by `ubp.prune(masks=...)`."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ubp.masking.regularized import RegularizedSchedule
from ubp.masking.schedules import AnySchedule, Schedule, as_schedule


@dataclass(frozen=True)
class GivenMasks(Schedule):
    """No update at step 0, whose masks are given; those of another schedule after it, or none.

    Attributes:
        then: what comes after step 0; None: the masks stay as they are given.

    Raises:
        TypeError: if `then` is no schedule.
        ValueError: if it regularises: it would leave every weight in place at first.
    """

    then: AnySchedule | None = None

    def __post_init__(self) -> None:
        if self.then is None:
            return
        object.__setattr__(self, "then", as_schedule(self.then))
        if isinstance(self.then, RegularizedSchedule):
            raise ValueError(
                f"{self.then} chooses its masks itself, after a penalty, so none can be given; "
                "leave masks out, or use ConstantSparsity or PolynomialDecay."
            )

    def __call__(self, step: int) -> tuple[bool, float]:
        if not isinstance(self.then, Schedule):
            return False, 0.0
        is_due, sparsity = self.then(step)
        return is_due and step > 0, sparsity

    def ends_at(self) -> float | None:
        return self.then.ends_at() if isinstance(self.then, Schedule) else None

    def ending_at(self, sparsity: float) -> GivenMasks:
        if not isinstance(self.then, Schedule):
            raise ValueError(
                f"the masks that are given stay, so that there is no sparsity to replace by "
                f"{sparsity}; give ubp.prune a schedule, too."
            )
        return replace(self, then=self.then.ending_at(sparsity))
