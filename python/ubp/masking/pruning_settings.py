# SPDX-License-Identifier: Apache-2.0
"""PruningSettings: everything that `ubp.prune` is told about one layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from numbers import Real
from typing import Any

from ubp.arguments import check_choice, shown
from ubp.masking.importance import Importance, Magnitude, as_importance
from ubp.masking.patterns import Pattern, UnalignedBlock
from ubp.masking.saved_with_model import SavedWithModel
from ubp.masking.schedules import Schedule, as_schedule
from ubp.masking.scopes import PerLayer, Scope, as_scope

GRADIENTS = ("masked", "straight_through")
DEFAULT_PATTERN = UnalignedBlock(4)
_DEFAULT_IMPORTANCE = Magnitude()
_DEFAULT_SCOPE = PerLayer()


@dataclass(frozen=True)
class PruningSettings(SavedWithModel):
    """How a layer is pruned. Immutable; compared by value; saved with the layer.

    The arguments of the constructor may be whatever `ubp.prune` accepts for them.

    Attributes:
        schedule: when masks are updated, and to which sparsity.
        pattern: what a mask looks like.
        method: how blocks are chosen, see `ubp.select_blocks`.
        gradients: "masked": a pruned weight gets no gradient; "straight_through": it gets the
            gradient that it would get if it were kept.
        importance: which weights are worth keeping.
        scope: whose sparsity the schedule prescribes.

    Raises:
        TypeError: if an argument is of the wrong kind.
        ValueError: if an argument has an impossible value, or they exclude each other.
    """

    schedule: Schedule
    pattern: Pattern = DEFAULT_PATTERN
    method: str = "optimal"
    gradients: str = "masked"
    importance: Importance = _DEFAULT_IMPORTANCE
    scope: Scope = _DEFAULT_SCOPE

    def __post_init__(self) -> None:
        object.__setattr__(self, "schedule", as_schedule(self.schedule))
        object.__setattr__(self, "importance", as_importance(self.importance))
        object.__setattr__(self, "scope", as_scope(self.scope))
        if not isinstance(self.pattern, Pattern):
            raise TypeError(
                f"pattern is {shown(self.pattern)}; expected UnalignedBlock(4), AlignedBlock(4), "
                "KernelPattern() or Unstructured()."
            )
        self.pattern.resolve_method(self.method)
        check_choice("gradients", self.gradients, GRADIENTS)
        if self.importance.uses_gradients:
            self._check_gradients_are_known()

    def _check_gradients_are_known(self) -> None:
        """Refuse updates before the first batch has passed: step 1 is when it begins."""
        for step in (0, 1):
            if self.schedule(step)[0]:
                raise ValueError(
                    f"{self.schedule} has an update at step {step}, when no gradient is known yet; "
                    "let it begin at step 2 or later, or use importance='magnitude'."
                )

    def override(self, changes: Mapping[str, Any], where: str) -> PruningSettings:
        """These settings with some replaced; `sparsity` replaces the one the schedule ends at.

        Args:
            changes: names of attributes, or "sparsity", and their new values.
            where: what the changes are for, for messages.

        Raises:
            TypeError: if a value is of the wrong kind.
            ValueError: if a name is unknown, or a value is impossible.
        """
        known = [field.name for field in fields(self)]
        unknown = sorted(map(str, set(changes) - {*known, "sparsity"}))
        if unknown:
            raise ValueError(
                f"prune: {where} sets {unknown[0]!r}; expected some of sparsity, "
                f"{', '.join(known)}."
            )
        given = dict(changes)
        sparsity = given.pop("sparsity", None)
        if not isinstance(sparsity, Real | None):
            raise TypeError(
                f"prune: {where} has the sparsity {shown(sparsity)}; expected a number in [0, 1)."
            )
        try:
            schedule = as_schedule(given.pop("schedule", self.schedule))
            schedule = schedule if sparsity is None else schedule.ending_at(float(sparsity))
            return replace(self, schedule=schedule, **given)
        except (TypeError, ValueError) as error:
            raise type(error)(f"prune: {where}: {error}") from error
