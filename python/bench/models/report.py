# SPDX-License-Identifier: Apache-2.0
"""What one run measures, as data, as rows of tables, as a section of the page and as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, ClassVar

from matplotlib.figure import Figure

from bench.harness import picture
from bench.harness.machine import Machine
from bench.harness.networks import FULL
from bench.harness.statistics import Rounds, Spread
from bench.harness.table import count_of
from bench.models.memory import Memory
from bench.models.peers import NOTED, REFUSED

HEADINGS = (
    "network",
    "sparsity",
    "threads",
    "XNNPACK ms",
    "UBP ms",
    "speed-up",
    "p10 - p90",
    "error",
    "MiB",
)
SHORT_HEADINGS = ("network", "zeros", "XNNPACK ms", "UBP ms", "times as fast")
_SHORT_SPARSITIES = (80, 90)  # of README.md
TOLERANCE = 1e-4  # most that UBP's outputs may differ from XNNPACK's, of their range
_MIB = 2**20


@dataclass(frozen=True)
class PeerResult:
    """Another inference engine, in the same rounds.

    relative_error: largest difference to the same weights in XNNPACK, over the outputs' range.
    rounds_ms: the median of each round's block of inferences.
    """

    relative_error: float
    rounds_ms: list[float]


@dataclass(frozen=True)
class Result(Rounds):
    """One network at one sparsity, with one number of threads.

    network: its name.
    input_size: height and width of the input in pixels.
    sparsity: percent of zeros in the pruned layers; 0: the network is neither pruned nor converted,
        and the delegate is told to take all that it can.
    threads: of both interpreters.
    converted_layers: layers that the converter made block-sparse.
    dense_bytes, ubp_bytes: sizes of the unpruned file, and of the one that UBP runs.
    relative_error: largest difference to the same weights in XNNPACK, over the outputs' range.
    xnnpack_memory, ubp_memory: what the unpruned network in XNNPACK, and UBP, add to a process.
    peers: other engines that were measured, by name.
    """

    ALSO_IN_JSON: ClassVar[tuple[str, ...]] = (*Rounds.ALSO_IN_JSON, "peer_speedups")

    network: str
    input_size: int
    sparsity: int
    threads: int
    converted_layers: int
    dense_bytes: int
    ubp_bytes: int
    relative_error: float
    xnnpack_memory: Memory
    ubp_memory: Memory
    peers: dict[str, PeerResult]

    @property
    def peer_speedups(self) -> dict[str, Spread]:
        """The other engines' speed-up over XNNPACK, by name."""
        return {
            name: Spread.of_ratios(self.xnnpack_rounds_ms, peer.rounds_ms)
            for name, peer in self.peers.items()
        }


@dataclass(frozen=True)
class Report:
    """One run of the benchmark.

    date: when it began, ISO 8601, UTC.
    block_size, seed: of the pruning and of the random weights.
    blocks: inferences in one round, by the network's name.
    peers: other engines that took part: their packages and how each got its networks, by name.
    notes: sentences about what could not be measured.
    """

    date: str
    machine: Machine
    block_size: int
    seed: int
    rounds: int
    blocks: dict[str, int]
    peers: dict[str, str]
    notes: list[str]
    results: list[Result]


# ---- rows --------------------------------------------------------------------------------------


def cells(result: Result) -> list[str]:
    """One row under HEADINGS."""
    speedup = result.speedup
    return [
        *_setting(result),
        f"{result.xnnpack_ms.median:.2f}",
        f"{result.ubp_ms.median:.2f}",
        _times(speedup),
        f"{speedup.p10:.2f} - {speedup.p90:.2f}",
        f"{result.relative_error:.0e}",
        f"{_mib(result.ubp_memory)} / {_mib(result.xnnpack_memory)}",
    ]


def short_cells(result: Result) -> list[str]:
    """One row under SHORT_HEADINGS."""
    network, sparsity, _ = _setting(result)
    times = f"{result.xnnpack_ms.median:.2f}", f"{result.ubp_ms.median:.2f}"
    return [network, sparsity, *times, _times(result.speedup)]


def peer_headings(peers: Sequence[str]) -> list[str]:
    """Of the table of other engines, given their names."""
    return [*HEADINGS[:3], "UBP", *peers]


def peer_cells(result: Result, peers: Sequence[str]) -> list[str]:
    """One row under `peer_headings`: speed-ups over XNNPACK."""
    speedups = result.peer_speedups
    return [
        *_setting(result),
        _times(result.speedup),
        *(_times(speedups[name]) if name in speedups else "-" for name in peers),
    ]


def by_network(results: Sequence[Result]) -> list[list[Result]]:
    """The sections of a table."""
    return [list(group) for _, group in groupby(results, key=lambda result: result.network)]


def _setting(result: Result) -> list[str]:
    return [result.network, f"{result.sparsity}%", str(result.threads)]


def _times(speedup: Spread) -> str:
    return f"{speedup.median:.2f}x"


def _mib(memory: Memory) -> str:
    return f"{memory.steady / _MIB:.0f}"


# ---- section and picture -----------------------------------------------------------------------


def values(report: Report) -> dict[str, Any]:
    """For the template.

    Raises:
        ValueError: if the report is of other networks than the page is about.
    """
    other = [name for name in report.blocks if name not in FULL]
    if other:
        raise ValueError(
            f"the results are of {other[0]}, which is for quick runs only; expected "
            f"{', '.join(FULL)}."
        )
    peers = list(report.peers)
    return {
        "headings": HEADINGS,
        "rows": [cells(result) for result in report.results],
        "slower": [
            f"{result.network} at {result.sparsity}% with {count_of(result.threads, 'thread')}"
            for result in report.results
            if result.speedup.median < 1
        ],
        "short_headings": SHORT_HEADINGS,
        "short_rows": [
            short_cells(result)
            for result in report.results
            if result.threads == 1 and result.sparsity in _SHORT_SPARSITIES
        ],
        "peer_headings": peer_headings(peers),
        "peer_rows": [peer_cells(result, peers) for result in report.results],
        "sizes": sorted({result.input_size for result in report.results}),
        "tolerance": TOLERANCE,
        "noted": NOTED,
        "refused": REFUSED,
    }


def draw(path: Path, report: Report) -> None:
    """One panel per network, one bar per sparsity and number of threads."""
    networks = by_network(report.results)
    figure = Figure(figsize=(1.5 + 4 * len(networks), 4.5), layout="constrained")
    panels = figure.subplots(1, len(networks), squeeze=False)[0]
    for axes, results in zip(panels, networks, strict=True):
        sparsities = sorted({result.sparsity for result in results})
        series = {
            count_of(threads, "thread"): {
                result.sparsity: result.speedup for result in results if result.threads == threads
            }
            for threads in sorted({result.threads for result in report.results})
        }
        picture.draw_groups(axes, sparsities, series, line=1)
        axes.set_xticks(range(len(sparsities)), [f"{sparsity}%" for sparsity in sparsities])
        axes.set_xlabel("zeros in the pruned layers")
        size = results[0].input_size
        axes.set_title(f"{results[0].network}, {size}x{size}", fontsize=12)
    panels[0].set_ylabel("times as fast as dense XNNPACK")
    picture.name_series(figure, panels[0])
    picture.name_machine(figure, report.machine, report.date)
    picture.save(figure, path)
