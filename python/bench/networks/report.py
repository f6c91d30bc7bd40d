"""Everything that one run measures, as data; to and from JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from bench.harness.machine import Machine

_SUMMARIES = ("xnnpack_ms", "ubp_ms", "speedup")


@dataclass(frozen=True)
class Spread:
    """Median and the 10th and 90th percentile."""

    median: float
    p10: float
    p90: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        p10, median, p90 = np.percentile(values, [10, 50, 90])
        return cls(float(median), float(p10), float(p90))


@dataclass(frozen=True)
class Result:
    """One network at one sparsity, with one number of threads.

    network: its name.
    input_size: height and width of the input in pixels.
    sparsity: percent of zeros in the pruned layers; 0: the network is neither pruned nor converted,
        and the delegate is told to take all that it can.
    threads: of both interpreters.
    converted_layers: layers that the converter made block-sparse.
    dense_bytes, ubp_bytes: sizes of the unpruned file, and of the one that UBP runs.
    relative_error: largest difference to the same weights in XNNPACK, over the outputs' range.
    xnnpack_rounds_ms, ubp_rounds_ms: the median of each round's block of inferences.
    """

    network: str
    input_size: int
    sparsity: int
    threads: int
    converted_layers: int
    dense_bytes: int
    ubp_bytes: int
    relative_error: float
    xnnpack_rounds_ms: list[float]
    ubp_rounds_ms: list[float]

    @property
    def xnnpack_ms(self) -> Spread:
        """Of the unpruned network in XNNPACK."""
        return Spread.of(self.xnnpack_rounds_ms)

    @property
    def ubp_ms(self) -> Spread:
        """Of the network in UBP."""
        return Spread.of(self.ubp_rounds_ms)

    @property
    def speedup(self) -> Spread:
        """UBP over XNNPACK: of the ratios of the rounds."""
        return Spread.of(
            [
                xnnpack / ubp
                for xnnpack, ubp in zip(self.xnnpack_rounds_ms, self.ubp_rounds_ms, strict=True)
            ]
        )


@dataclass(frozen=True)
class Report:
    """One run of the benchmark.

    date: when it began, ISO 8601, UTC.
    block_size, seed: of the pruning and of the random weights.
    blocks: inferences in one round, by the network's name.
    """

    date: str
    machine: Machine
    block_size: int
    seed: int
    rounds: int
    blocks: dict[str, int]
    results: list[Result]

    def to_json(self) -> dict[str, Any]:
        """For people's scripts too: the summaries are included."""
        data = asdict(self)
        for entry, result in zip(data["results"], self.results, strict=True):
            for name in _SUMMARIES:
                entry[name] = asdict(getattr(result, name))
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Report:
        """The inverse of `to_json`."""
        results = [
            Result(**{name: value for name, value in entry.items() if name not in _SUMMARIES})
            for entry in data["results"]
        ]
        return cls(**data | {"machine": Machine(**data["machine"]), "results": results})
