"""Everything that one run measures, as data; to and from JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from bench.harness.machine import Machine

XNNPACK, AUTO, SPARSE, ALL = "xnnpack", "auto", "sparse", "all"


@dataclass(frozen=True)
class Result:
    """One chain.

    seed: that it was drawn by.
    operators: their names, in order.
    taken: how many of them the delegate took, by the value of its option `take`.
    times_us: of one inference, by XNNPACK alone and by `take`.
    """

    seed: int
    operators: list[str]
    taken: dict[str, int]
    times_us: dict[str, float]

    @property
    def to_xnnpack(self) -> float:
        """How many times as fast take=auto is as XNNPACK alone."""
        return self.times_us[XNNPACK] / self.times_us[AUTO]

    @property
    def to_best(self) -> float:
        """How many times as fast take=auto is as the better of take=sparse and take=all."""
        return min(self.times_us[SPARSE], self.times_us[ALL]) / self.times_us[AUTO]


@dataclass(frozen=True)
class Report:
    """One run of the benchmark.

    date: when it began, ISO 8601, UTC.
    rounds: in each of which every interpreter ran some inferences.
    """

    date: str
    machine: Machine
    rounds: int
    results: list[Result]

    def to_json(self) -> dict[str, Any]:
        """As `from_json` reads it."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Report:
        """The inverse of `to_json`.

        Raises:
            ValueError: if the results are of another version of the benchmark.
        """
        try:
            results = [Result(**result) for result in data["results"]]
            return cls(**data | {"machine": Machine(**data["machine"]), "results": results})
        except (KeyError, TypeError) as error:
            raise ValueError(
                f"the results are of another version of this benchmark ({error}); run it again."
            ) from error
