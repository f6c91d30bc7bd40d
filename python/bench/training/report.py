"""Everything that one run measures, as data; to and from JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from bench.harness.machine import Machine
from bench.harness.spread import Spread


@dataclass(frozen=True)
class UpdateResult:
    """An update of all masks; seconds."""

    method: str
    scope: str
    seconds: Spread


@dataclass(frozen=True)
class StepResult:
    """Training steps of the dense and of the pruned model, a group of each in turn.

    steps: of either model.
    dense, pruned: seconds of a step, without callbacks, by group.
    ratio: pruned over dense, of neighbouring groups.
    updates: how many fell into the steps.
    callback_seconds: that `UpdatePruning` took in all steps together, updates included.
    pruned_seconds: that all steps of the pruned model took together, without it.
    """

    steps: int
    dense: Spread
    pruned: Spread
    ratio: Spread
    updates: int
    callback_seconds: float
    pruned_seconds: float

    @property
    def callback_share(self) -> float:
        """The part of training time that `UpdatePruning` took."""
        return self.callback_seconds / (self.callback_seconds + self.pruned_seconds)


@dataclass(frozen=True)
class Report:
    """One run of the benchmark.

    date: when it began, ISO 8601, UTC.
    alpha, size, batch: MobileNet's width, the height and width of its images, images of a step.
    kernels, weights: that are pruned.
    frequency: steps from an update to the next.
    """

    date: str
    machine: Machine
    alpha: float
    size: int
    batch: int
    kernels: int
    weights: int
    block_size: int
    sparsity: float
    frequency: int
    steps: StepResult
    updates: list[UpdateResult]

    def share(self, update: UpdateResult) -> float:
        """The part of training time that such an update takes every `frequency` steps."""
        between = self.frequency * self.steps.pruned.median
        return update.seconds.median / (update.seconds.median + between)

    def to_json(self) -> dict[str, Any]:
        """For people's scripts too: shares are included."""
        data = asdict(self)
        data["steps"]["callback_share"] = self.steps.callback_share
        for row, update in zip(data["updates"], self.updates, strict=True):
            row["share"] = self.share(update)
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Report:
        """The inverse of `to_json`.

        Raises:
            ValueError: if the results are of another version of the benchmark.
        """
        try:
            steps = {key: each for key, each in data["steps"].items() if key != "callback_share"}
            spreads = {key: Spread(**steps[key]) for key in ("dense", "pruned", "ratio")}
            updates = [
                UpdateResult(row["method"], row["scope"], Spread(**row["seconds"]))
                for row in data["updates"]
            ]
            return cls(
                **data
                | {
                    "machine": Machine(**data["machine"]),
                    "steps": StepResult(**steps | spreads),
                    "updates": updates,
                }
            )
        except (KeyError, TypeError) as error:
            raise ValueError(
                f"the results are of another version of this benchmark ({error}); run it again."
            ) from error
