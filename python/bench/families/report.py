"""Everything that one run measures, as data; to and from JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from bench.harness.machine import Machine
from bench.harness.spread import Spread

_SPREADS = ("xnnpack_ms", "ubp_ms", "speedup")
REQUIRED_SPEEDUP = 0.95  # no network may become slower than this


@dataclass(frozen=True)
class Result:
    """One network, pruned in one way, with one number of threads.

    application: the network's name.
    size: height and width of the input in pixels.
    pruning: of zoo.PRUNINGS.
    threads: of both interpreters.
    layers, converted_layers: convolutions (not depthwise) and dense layers, and how many of them
        the converter made block-sparse.
    dense_bytes, ubp_bytes: sizes of the file before and after conversion.
    relative_error: largest difference of the outputs, over their range.
    xnnpack_rounds_ms, ubp_rounds_ms: the median of each round's block of inferences.
    """

    application: str
    size: int
    pruning: str
    threads: int
    layers: int
    converted_layers: int
    dense_bytes: int
    ubp_bytes: int
    relative_error: float
    xnnpack_rounds_ms: list[float]
    ubp_rounds_ms: list[float]

    @property
    def xnnpack_ms(self) -> Spread:
        """Of the file before conversion, in XNNPACK."""
        return Spread.of(self.xnnpack_rounds_ms)

    @property
    def ubp_ms(self) -> Spread:
        """Of the converted file, in UBP."""
        return Spread.of(self.ubp_rounds_ms)

    @property
    def speedup(self) -> Spread:
        """UBP over XNNPACK: of the ratios of the rounds."""
        return Spread.of_ratios(self.xnnpack_rounds_ms, self.ubp_rounds_ms)

    @property
    def size_ratio(self) -> float:
        """The converted file over the one before."""
        return self.ubp_bytes / self.dense_bytes


@dataclass(frozen=True)
class Report:
    """One run of the benchmark.

    date: when it began, ISO 8601, UTC.
    blocks: inferences in one round, by the network's name.
    """

    date: str
    machine: Machine
    block_size: int
    seed: int
    rounds: int
    blocks: dict[str, int]
    results: list[Result]

    @property
    def too_slow(self) -> list[Result]:
        """Below REQUIRED_SPEEDUP."""
        return [result for result in self.results if result.speedup.median < REQUIRED_SPEEDUP]

    def to_json(self) -> dict[str, Any]:
        """For people's scripts too: the summaries are included."""
        data = asdict(self)
        for entry, result in zip(data["results"], self.results, strict=True):
            for name in _SPREADS:
                entry[name] = asdict(getattr(result, name))
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Report:
        """The inverse of `to_json`.

        Raises:
            ValueError: if the results are of another version of the benchmark.
        """
        try:
            results = [
                Result(**{name: value for name, value in entry.items() if name not in _SPREADS})
                for entry in data["results"]
            ]
            return cls(**data | {"machine": Machine(**data["machine"]), "results": results})
        except (KeyError, TypeError) as error:
            raise ValueError(
                f"the results are of another version of this benchmark ({error}); run it again."
            ) from error
