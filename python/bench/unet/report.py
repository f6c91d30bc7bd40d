# SPDX-License-Identifier: Apache-2.0
"""What one run measures, as data, as rows of a table and as a section of the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from bench.harness.machine import Machine
from bench.harness.statistics import Rounds
from bench.unet.networks import FULL, WAYS

HEADINGS = (
    "way up",
    "zeros",
    "threads",
    "file",
    "XNNPACK ms",
    "UBP ms",
    "speed-up",
    "p10 - p90",
    "taken",
    "parts",
    "error",
)
TOLERANCE = 1e-4  # most that UBP's outputs may differ from XNNPACK's, of their range
BLOCK = 3  # inferences of one interpreter in a round
XNNPACK, ORDINARY, CONVERTED = "XNNPACK", "ordinary", "converted"
_TARGET_SPARSITY, _TARGET_SPEEDUP = 80, 2.0


@dataclass(frozen=True)
class Taken:
    """What the delegate takes of a model.

    nodes, taken: operators in the file, and how many the delegate runs.
    parts: it runs them in; between two parts the interpreter runs others.
    """

    nodes: int
    taken: int
    parts: int

    @property
    def is_whole(self) -> bool:
        """Whether the delegate runs the model in one go."""
        return self.taken == self.nodes and self.parts == 1


@dataclass(frozen=True)
class Result(Rounds):
    """One U-Net at one sparsity, with one number of threads, from one file.

    way: up, of networks.WAYS.
    sparsity: percent of zeros in the pruned layers.
    threads: of both interpreters.
    file: that UBP runs: ORDINARY, the one that XNNPACK runs, or CONVERTED.
    relative_error: largest difference of the outputs, over their range.
    """

    way: str
    sparsity: int
    threads: int
    file: str
    taken: Taken
    relative_error: float

    @property
    def meets_target(self) -> bool:
        """Whether it is as fast as it should be, in one part."""
        return self.speedup.median >= _TARGET_SPEEDUP and self.taken.is_whole


@dataclass(frozen=True)
class Report:
    """One run of the benchmark.

    date: when it began, ISO 8601, UTC.
    size, widths: dimensions of all networks.
    block_size, seed: of the pruning and of the random weights.
    """

    date: str
    machine: Machine
    size: int
    widths: list[int]
    block_size: int
    seed: int
    rounds: int
    results: list[Result]


def cells(result: Result) -> list[str]:
    """One row under HEADINGS."""
    speedup, taken = result.speedup, result.taken
    return [
        result.way,
        f"{result.sparsity}%",
        str(result.threads),
        result.file,
        f"{result.xnnpack_ms.median:.2f}",
        f"{result.ubp_ms.median:.2f}",
        f"{speedup.median:.2f}x",
        f"{speedup.p10:.2f} - {speedup.p90:.2f}",
        f"{taken.taken} of {taken.nodes}",
        str(taken.parts),
        f"{result.relative_error:.0e}",
    ]


def by_way(results: Sequence[Result]) -> list[list[Result]]:
    """The sections of a table."""
    return [list(group) for _, group in groupby(results, key=lambda result: result.way)]


def target(report: Report) -> str:
    """A line on which measurements meet the target."""
    goal = f"at least {_TARGET_SPEEDUP:g}x XNNPACK at {_TARGET_SPARSITY}%, all nodes in one part"
    counted = [result for result in report.results if result.sparsity == _TARGET_SPARSITY]
    if not counted:
        return f"{goal}: not measured"
    met = sum(result.meets_target for result in counted)
    verdict = "met" if met == len(counted) else "missed"
    return f"{goal}: {met} of {len(counted)} measurements; target: all; {verdict}"


def values(report: Report) -> dict[str, Any]:
    """For the template.

    Raises:
        ValueError: if the report is of other networks than the page is about.
    """
    if report.size != FULL.size:
        raise ValueError(
            f"the results are of U-Nets of {report.size}x{report.size} pixels, which are for quick "
            f"runs only; expected {FULL.size}x{FULL.size}."
        )
    return {
        "target": target(report),
        "headings": HEADINGS,
        "rows": [cells(result) for result in report.results],
        "ways": {way: WAYS[way] for way in dict.fromkeys(each.way for each in report.results)},
        "block": BLOCK,
        "tolerance": TOLERANCE,
    }
