# SPDX-License-Identifier: Apache-2.0
"""What one run measures, as data, as rows of tables, as a section of the page and as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from bench.applications.networks import FULL
from bench.harness import picture
from bench.harness.machine import Machine
from bench.harness.statistics import Rounds
from bench.harness.table import count_of

HEADINGS = (
    "network",
    "zeros",
    "threads",
    "XNNPACK ms",
    "UBP ms",
    "speed-up",
    "p10 - p90",
    "file",
    "layers",
    "error",
)
REQUIRED_SPEEDUP = 0.95  # no network may become slower than this
TOLERANCE = 1e-4  # most that UBP's outputs may differ from XNNPACK's, of their range


@dataclass(frozen=True)
class Result(Rounds):
    """One network, pruned in one way, with one number of threads, before and after conversion.

    application: the network's name.
    size: height and width of the input in pixels.
    pruning: of networks.PRUNINGS.
    threads: of both interpreters.
    layers, converted_layers: convolutions (not depthwise) and dense layers, and how many of them
        the converter made block-sparse.
    dense_bytes, ubp_bytes: sizes of the file before and after conversion.
    relative_error: largest difference of the outputs, over their range.
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


# ---- rows --------------------------------------------------------------------------------------


def cells(result: Result) -> list[str]:
    """One row under HEADINGS."""
    speedup = result.speedup
    return [
        result.application,
        result.pruning,
        str(result.threads),
        f"{result.xnnpack_ms.median:.2f}",
        f"{result.ubp_ms.median:.2f}",
        f"{speedup.median:.2f}x",
        f"{speedup.p10:.2f} - {speedup.p90:.2f}",
        f"{result.size_ratio:.2f}",
        f"{result.converted_layers} of {result.layers}",
        f"{result.relative_error:.0e}",
    ]


def by_application(results: Sequence[Result]) -> list[list[Result]]:
    """The sections of a table."""
    return [list(group) for _, group in groupby(results, key=lambda result: result.application)]


def verdict(report: Report) -> str:
    """Whether the requirement is met, in a sentence."""
    slow = [
        f"{result.application} ({result.pruning}) with {count_of(result.threads, 'thread')}"
        for result in report.results
        if result.speedup.median < REQUIRED_SPEEDUP
    ]
    return f"Slower than {REQUIRED_SPEEDUP:g}x: {'; '.join(slow) or 'none of these'}."


# ---- section and picture -----------------------------------------------------------------------


def values(report: Report) -> dict[str, Any]:
    """For the template.

    Raises:
        ValueError: if the report is of other networks than the page is about.
    """
    measured = _names(report)
    other = [name for name in measured if name not in FULL]
    if other:
        raise ValueError(
            f"the results are of {other[0]}, which is for quick runs only; expected some of "
            f"{', '.join(FULL)}."
        )
    return {
        "headings": HEADINGS,
        "rows": [cells(result) for result in report.results],
        "verdict": verdict(report),
        "measured": measured,
        "missing": [name for name in FULL if name not in measured],
        "tolerance": TOLERANCE,
    }


def draw(path: Path, report: Report) -> None:
    """A group of bars per network, a bar per pruning, a row per number of threads."""
    names = _names(report)
    threads = sorted({result.threads for result in report.results})
    size = (max(6.0, 2.5 + 1.1 * len(names)), 0.8 + 3.4 * len(threads))
    figure = Figure(figsize=size, layout="constrained")
    rows = figure.subplots(len(threads), 1, squeeze=False, sharex=True)[:, 0]
    for axes, count in zip(rows, threads, strict=True):
        own = [result for result in report.results if result.threads == count]
        series = {
            f"{pruning} zeros": {
                result.application: result.speedup for result in own if result.pruning == pruning
            }
            for pruning in dict.fromkeys(result.pruning for result in own)
        }
        picture.draw_groups(axes, names, series, line=REQUIRED_SPEEDUP)
        axes.set_ylabel(f"times as fast as XNNPACK\n{count_of(count, 'thread')}")
    rows[-1].set_xticks(range(len(names)), names, rotation=30, ha="right")
    picture.name_series(figure, rows[0])
    picture.name_machine(figure, report.machine, report.date)
    picture.save(figure, path)


def _names(report: Report) -> list[str]:
    return list(dict.fromkeys(result.application for result in report.results))
