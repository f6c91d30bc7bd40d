# SPDX-License-Identifier: Apache-2.0
"""Schedules: at which training steps masks are updated, and to which sparsity.

A schedule is called with a step (int, the steps of training begun so far, this one included) and
returns (is an update due, sparsity in [0, 1)). Names, arguments and meaning are those of
tensorflow-model-optimization; its own schedule objects are accepted through `as_schedule`.
"""

from __future__ import annotations

import math
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from ubp.arguments import check_number, shown
from ubp.masking.saved_with_model import SavedWithModel


class Schedule(SavedWithModel, ABC):
    """A map step -> (update due, sparsity). Immutable; compared by value; saved with the model."""

    @abstractmethod
    def __call__(self, step: int) -> tuple[bool, float]:
        """Whether masks are to be updated at this step, and the sparsity that then holds."""

    def due_among(self, begun: int, steps: int) -> float | None:
        """The sparsity of the last update due in the steps after those begun, if any is."""
        sparsity = None
        for step in range(begun + 1, begun + steps + 1):
            is_due, scheduled = self(step)
            sparsity = scheduled if is_due else sparsity
        return sparsity

    @abstractmethod
    def ends_at(self) -> float | None:
        """The final sparsity; None where only a caller's own function knows."""

    @abstractmethod
    def ending_at(self, sparsity: float) -> Schedule:
        """The same schedule with another final sparsity.

        Raises:
            ValueError: if the sparsity is not in [0, 1), or the schedule is a caller's own.
        """


@dataclass(frozen=True)
class ConstantSparsity(Schedule):
    """One sparsity, from `begin_step` to `end_step`, with an update every `frequency` steps.

        >>> import ubp
        >>> schedule = ubp.ConstantSparsity(0.8, begin_step=10, frequency=5)
        >>> schedule(9), schedule(10), schedule(12)  # whether an update is due, and the sparsity
        ((False, 0.8), (True, 0.8), (False, 0.8))

    Attributes:
        target_sparsity: share of weights to remove, in [0, 1).
        begin_step: first step with an update, >= 0.
        end_step: last step that may have one, >= 0; -1: no end.
        frequency: steps between updates, >= 1.

    Raises:
        ValueError: if an attribute is out of its range.
    """

    target_sparsity: float
    begin_step: int = 0
    end_step: int = -1
    frequency: int = 100

    def __post_init__(self) -> None:
        check_sparsity(self, "target_sparsity")
        _check_step(self, "end_step", -1)
        check_steps(self, unbounded=self.end_step == -1)

    def __call__(self, step: int) -> tuple[bool, float]:
        return is_due(self, step), self.target_sparsity

    def ends_at(self) -> float:
        return self.target_sparsity

    def ending_at(self, sparsity: float) -> ConstantSparsity:
        return replace(self, target_sparsity=sparsity)


@dataclass(frozen=True)
class PolynomialDecay(Schedule):
    """Gradual pruning (Zhu and Gupta, arXiv 1710.01878): fast at first, then ever slower.

    sparsity(step) = final + (initial - final) * (1 - (step - begin) / (end - begin)) ** power,
    constant before `begin_step` and after `end_step`; updates as in `ConstantSparsity`.

        >>> import ubp
        >>> schedule = ubp.PolynomialDecay(0.0, 0.8, begin_step=0, end_step=100, frequency=50)
        >>> [round(schedule(step)[1], 3) for step in (0, 50, 100)]
        [0.0, 0.7, 0.8]

    Attributes:
        initial_sparsity, final_sparsity: in [0, 1).
        begin_step, end_step: 0 <= begin_step < end_step.
        power: exponent of the decay, above 0.
        frequency: steps between updates, >= 1. Should divide end_step - begin_step: otherwise the
            last update comes before `end_step` and misses the final sparsity, which is warned of.

    Raises:
        ValueError: if an attribute is out of its range.
    """

    initial_sparsity: float
    final_sparsity: float
    begin_step: int
    end_step: int
    power: float = 3
    frequency: int = 100

    def __post_init__(self) -> None:
        check_sparsity(self, "initial_sparsity")
        check_sparsity(self, "final_sparsity")
        check_steps(self, unbounded=False)
        check_later_end(self)
        check_attribute(
            self, "power", "a finite number above 0", lambda power: 0 < power < math.inf
        )
        missed = (self.end_step - self.begin_step) % self.frequency
        if missed:
            last = self.end_step - missed
            warnings.warn(
                f"{self}: the last update, at step {last}, reaches sparsity {self(last)[1]:.4g}, "
                "not the final one; let frequency divide end_step - begin_step.",
                stacklevel=3,
            )

    def __call__(self, step: int) -> tuple[bool, float]:
        progress = (step - self.begin_step) / (self.end_step - self.begin_step)
        remaining = 1.0 - min(1.0, max(0.0, progress))
        span = self.initial_sparsity - self.final_sparsity
        return is_due(self, step), self.final_sparsity + span * remaining**self.power

    def ends_at(self) -> float:
        return self.final_sparsity

    def ending_at(self, sparsity: float) -> PolynomialDecay:
        return replace(self, final_sparsity=sparsity)


@dataclass(frozen=True)
class CustomSchedule(Schedule):
    """A caller's own schedule.

    To load a saved model, the callable must be registered with
    `keras.saving.register_keras_serializable` or passed as a custom object.

        >>> import ubp
        >>> schedule = ubp.CustomSchedule(lambda step: min(0.8, step / 100), frequency=10)
        >>> schedule(40), schedule(45)  # whether an update is due, and the sparsity
        ((True, 0.4), (False, 0.45))

    Attributes:
        function: step -> sparsity in [0, 1), or step -> (update due, sparsity); numbers or tensors.
        frequency: steps between updates, >= 1, where the function returns the sparsity only.

    Raises:
        TypeError: if `function` is not callable.
        ValueError: if `frequency` is below 1; when called, if the function returns anything else.
    """

    function: Callable[[int], Any]
    frequency: int = 100

    def __post_init__(self) -> None:
        if not callable(self.function) or isinstance(self.function, type):
            raise TypeError(
                f"CustomSchedule: function is {shown(self.function)}; expected a callable step -> "
                "sparsity."
            )
        _check_step(self, "frequency", 1)

    def __call__(self, step: int) -> tuple[bool, float]:
        result = self.function(step)
        pair = result if isinstance(result, tuple) else (step % self.frequency == 0, result)
        try:
            is_due, sparsity = bool(pair[0]), float(pair[1])
            valid = len(pair) == 2 and 0.0 <= sparsity < 1.0
        except (IndexError, TypeError, ValueError):
            valid = False
        if not valid:
            raise ValueError(
                f"schedule {self.function} returned {shown(result)} at step {step}; expected a "
                "sparsity in [0, 1), or a pair (update due, sparsity)."
            )
        return is_due, sparsity

    def ends_at(self) -> None:
        return None

    def ending_at(self, sparsity: float) -> CustomSchedule:
        raise ValueError(
            f"schedule {self.function} is a caller's own, whose sparsity cannot be replaced by "
            f"{sparsity}; give the layer a 'schedule' of its own instead."
        )


AnySchedule = Schedule | Callable[[int], Any]
_SAME_IN_TFMOT = {kind.__name__: kind for kind in (ConstantSparsity, PolynomialDecay)}


def as_schedule(schedule: AnySchedule) -> Schedule:
    """The caller's schedule as one of ours: the one adapter for everything that is accepted.

    tensorflow-model-optimization's ConstantSparsity and PolynomialDecay become the classes of the
    same name here, so that a saved model does not need that package; other callables are wrapped.

    Raises:
        TypeError: if `schedule` is not callable.
        ValueError: if its parameters are out of range.
    """
    if isinstance(schedule, Schedule):
        return schedule
    kind = type(schedule)
    if kind.__module__.startswith("tensorflow_model_optimization.") and (
        kind.__name__ in _SAME_IN_TFMOT
    ):
        config = schedule.get_config()["config"]  # type: ignore[attr-defined]
        return _SAME_IN_TFMOT[kind.__name__](**config)
    if not callable(schedule) or isinstance(schedule, type):
        raise TypeError(
            f"schedule is {shown(schedule)}; expected a schedule such as ConstantSparsity(0.8), or "
            "a callable step -> sparsity."
        )
    return CustomSchedule(schedule)


class Stepped(Protocol):
    """A schedule with updates from `begin_step` to `end_step`, every `frequency` steps."""

    @property
    def begin_step(self) -> int: ...
    @property
    def end_step(self) -> int: ...
    @property
    def frequency(self) -> int: ...


def is_due(schedule: Stepped, step: int) -> bool:
    """Whether a step is one of the schedule's; `end_step` -1: no end."""
    begun = step >= schedule.begin_step
    ended = 0 <= schedule.end_step < step
    return begun and not ended and (step - schedule.begin_step) % schedule.frequency == 0


def check_attribute(owner: object, name: str, expected: str, holds: Callable[[Any], bool]) -> None:
    """Raise the ValueError of an object whose attribute `name` is no such number."""
    check_number(f"{type(owner).__name__}: {name}", getattr(owner, name), expected, holds)


def check_sparsity(schedule: Schedule, name: str) -> None:
    """Raise the ValueError of a schedule whose attribute `name` is no sparsity."""
    check_attribute(schedule, name, "a number in [0, 1)", lambda share: 0.0 <= share < 1.0)


def check_steps(schedule: Stepped, *, unbounded: bool) -> None:
    """Raise the ValueError of a schedule whose steps are impossible; unbounded: has no end."""
    _check_step(schedule, "begin_step", 0)
    if not unbounded:
        _check_step(schedule, "end_step", 0)
        if schedule.end_step < schedule.begin_step:
            raise ValueError(
                f"{schedule}: end_step {schedule.end_step} comes before begin_step "
                f"{schedule.begin_step}; expected a later step."
            )
    _check_step(schedule, "frequency", 1)


def check_later_end(schedule: Stepped) -> None:
    """Raise the ValueError of a schedule that ends at the step where it begins."""
    if schedule.begin_step == schedule.end_step:
        raise ValueError(f"{schedule}: end_step is begin_step; expected a later step.")


def _check_step(schedule: object, name: str, least: int) -> None:
    """As TensorFlow's schedules do, take a whole number of type float, such as 2e3."""
    check_attribute(
        schedule,
        name,
        f"a whole number of at least {least}",
        lambda step: math.isfinite(step) and step == int(step) and step >= least,
    )
