"""Everything that one run measures, as data; to and from JSON."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from bench.harness.machine import Machine


@dataclass(frozen=True)
class Result:
    """One contender on one case.

    case: its name.
    contender, family: see `Contender`.
    rounds_ms: milliseconds of each round.
    to_optimal: time over that of the exact optimum on the fastest instruction set, the median of
        the rounds' ratios.
    kept: importance inside the blocks, over the optimum's.
    """

    case: str
    contender: str
    family: str
    rounds_ms: list[float]
    to_optimal: float
    kept: float

    @property
    def ms(self) -> float:
        """The median over the rounds."""
        return median(self.rounds_ms)


@dataclass(frozen=True)
class Report:
    """One run of the benchmark.

    date: when it began, ISO 8601, UTC.
    sparsity: percent.
    weights: of each case.
    """

    date: str
    machine: Machine
    block_size: int
    sparsity: int
    rounds: int
    weights: dict[str, int]
    results: list[Result]

    def of(self, case: str) -> list[Result]:
        """The results of one case."""
        return [result for result in self.results if result.case == case]

    def to_json(self) -> dict[str, Any]:
        """For people's scripts too: the medians are included."""
        data = asdict(self)
        for entry, result in zip(data["results"], self.results, strict=True):
            entry["ms"] = result.ms
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Report:
        """The inverse of `to_json`.

        Raises:
            ValueError: if the results are of another version of the benchmark.
        """
        try:
            results = [_result_from_json(entry) for entry in data["results"]]
            return cls(**data | {"machine": Machine(**data["machine"]), "results": results})
        except (KeyError, TypeError) as error:
            raise ValueError(
                f"the results are of another version of this benchmark ({error}); run it again."
            ) from error


def find(results: Iterable[Result], contender: str, family: str | None = None) -> Result | None:
    """The first result of a contender, on any family if none is named."""
    for result in results:
        if result.contender == contender and family in (None, result.family):
            return result
    return None


def _result_from_json(entry: dict[str, Any]) -> Result:
    return Result(**{name: value for name, value in entry.items() if name != "ms"})
