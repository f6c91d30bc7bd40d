# SPDX-License-Identifier: Apache-2.0
"""What one run measures, as data, as rows of a table and as a picture; see also summary.py."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from matplotlib.figure import Figure

from bench.harness import picture
from bench.harness.machine import Machine
from bench.kernels.layers import LayerShape

LAYER_HEADINGS = ("layer", "us", "GFLOP/s", "of peak", "to aligned", "XNNPACK us", "speed-up")
# What the targets are about, and what is listed layer by layer.
TARGET_BLOCK_SIZE, TARGET_SPARSITY = 4, 80


@dataclass(frozen=True)
class LayerResult:
    """One layer with one kernel family, number of threads, block size and sparsity.

    Times are medians over the rounds; each ratio is the median of the rounds' ratios.

    networks: that have the layer.
    family: kernels, such as "avx512".
    sparsity: percent of zeros.
    multiply_adds: of one inference, with weights that are kept.
    unaligned_us, aligned_us, xnnpack_us: microseconds of one inference with unaligned blocks, with
        as many aligned ones (None for blocks of 1), and of the dense layer in XNNPACK.
    to_aligned: unaligned over aligned time; None for blocks of 1.
    peak_share: multiply-adds per second, over those of a loop that does nothing else.
    speedup: XNNPACK's time over the unaligned one.
    """

    ALSO_IN_JSON: ClassVar[tuple[str, ...]] = ("name", "gflops")

    layer: LayerShape
    networks: list[str]
    family: str
    threads: int
    block_size: int
    sparsity: int
    multiply_adds: int
    unaligned_us: float
    aligned_us: float | None
    xnnpack_us: float
    to_aligned: float | None
    peak_share: float
    speedup: float

    @property
    def name(self) -> str:
        """The layer's."""
        return self.layer.name

    @property
    def gflops(self) -> float:
        """10^9 operations per second, two for each multiply-add."""
        return 2 * self.multiply_adds / self.unaligned_us / 1e3


@dataclass(frozen=True)
class Report:
    """One run of the benchmark.

    date: when it began, ISO 8601, UTC.
    peaks: 10^9 operations per second of the loops of multiply-adds, by family and threads; medians.
    """

    date: str
    machine: Machine
    rounds: int
    peaks: dict[str, float]
    results: list[LayerResult]


def select(
    results: Sequence[LayerResult], block_size: int, sparsity: int, threads: int
) -> list[LayerResult]:
    """The results of one setting, of all kernel families."""
    wanted = (block_size, sparsity, threads)
    return [each for each in results if (each.block_size, each.sparsity, each.threads) == wanted]


def listed(results: list[LayerResult]) -> list[LayerResult]:
    """Those to be listed layer by layer: of the targets' setting, if measured, on fewest threads.

    Raises:
        ValueError: if there are no results.
    """
    if not results:
        raise ValueError("there are no results.")

    def of_interest(result: LayerResult) -> tuple[bool, bool, int]:
        size, sparsity = result.block_size, result.sparsity
        return size != TARGET_BLOCK_SIZE, sparsity != TARGET_SPARSITY, result.threads

    best = min(results, key=of_interest)
    return select(results, best.block_size, best.sparsity, best.threads)


def layer_cells(result: LayerResult) -> list[str]:
    """One row under LAYER_HEADINGS."""
    return [
        result.layer.name,
        f"{result.unaligned_us:.1f}",
        f"{result.gflops:.0f}",
        f"{result.peak_share:.0%}",
        "-" if result.to_aligned is None else f"{result.to_aligned:.3f}",
        f"{result.xnnpack_us:.1f}",
        f"{result.speedup:.2f}x",
    ]


# Label of the axis, the figure of a layer, and where a line is drawn.
_PANELS: tuple[tuple[str, Callable[[LayerResult], float | None], float], ...] = (
    ("times as fast as\ndense XNNPACK", lambda result: result.speedup, 1),
    ("% of the peak of\nmultiply-adds", lambda result: 100 * result.peak_share, 100),
    ("time over that of\naligned blocks", lambda result: result.to_aligned, 1),
)


def draw(path: Path, report: Report) -> None:
    """Speed-up, share of the peak and time against aligned blocks, of the `listed` layers."""
    shown = listed(report.results)
    names = list(dict.fromkeys(result.layer.name for result in shown))
    families = list(dict.fromkeys(result.family for result in shown))
    figure = Figure(figsize=(3 + 0.24 * len(names), 10), layout="constrained")
    panels = figure.subplots(len(_PANELS), 1, sharex=True)
    for axes, (label, value_of, line) in zip(panels, _PANELS, strict=True):
        for family, colour in zip(families, picture.SERIES, strict=False):
            own = [result for result in shown if result.family == family]
            points = [
                (names.index(result.layer.name), value)
                for result in own
                if (value := value_of(result)) is not None
            ]
            axes.plot(
                *zip(*points, strict=True) if points else ([], []), "o", color=colour, label=family
            )
        axes.axhline(line, color=picture.LINES, linewidth=1, linestyle="--")
        axes.set_ylabel(label)
        axes.grid(axis="x", color=picture.GRID, linewidth=0.5)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylim(bottom=0)
    panels[1].set_ylim(0, 105)
    panels[-1].set_xticks(range(len(names)), names, rotation=90, fontsize=8)
    first = shown[0]
    figure.suptitle(
        f"N={first.block_size}, {first.sparsity}% zeros, threads: {first.threads}; "
        f"{report.machine.processor}, {report.date[:10]}",
        fontsize=10,
    )
    picture.name_series(figure, panels[0])
    picture.save(figure, path)
