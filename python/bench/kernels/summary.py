# SPDX-License-Identifier: Apache-2.0
"""What the results say as a whole: geometric means, worst layers, and the project's targets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from scipy import stats

from bench.harness.table import count_of
from bench.kernels.report import (
    LAYER_HEADINGS,
    TARGET_BLOCK_SIZE,
    TARGET_SPARSITY,
    LayerResult,
    Report,
    layer_cells,
    listed,
)

_DEEP_LANES, _DEEP_PIXELS = 256, 14  # at least; the latter high and wide

_MEAN_TO_ALIGNED, _WORST_TO_ALIGNED = 1.03, 1.10  # at most
_PEAK_SHARES = {"avx512": 0.70, "avx2": 0.80}  # at least

SUMMARY_HEADINGS = (
    "kernels",
    "threads",
    "N",
    "sparsity",
    "to aligned",
    "worst",
    "of peak",
    "lowest",
    "speed-up",
    "lowest",
)


@dataclass(frozen=True)
class Figure:
    """One ratio over several layers.

    mean: geometric.
    worst: of all layers, and `layer` is the name of that layer.
    values: of all layers.
    """

    mean: float
    worst: float
    layer: str
    values: tuple[float, ...]

    @classmethod
    def of(cls, pairs: Sequence[tuple[float, str]], highest: bool) -> Figure | None:
        """Of pairs of ratio and layer; None if there are none.

        Args:
            highest: whether the highest ratio is the worst.
        """
        if not pairs:
            return None
        worst, layer = max(pairs) if highest else min(pairs)
        values = tuple(value for value, _ in pairs)
        return cls(float(stats.gmean(values)), worst, layer, values)

    def count_from(self, least: float) -> int:
        """How many layers have `least` or more."""
        return sum(value >= least for value in self.values)


@dataclass(frozen=True)
class Summary:
    """All layers with one kernel family, number of threads, block size and sparsity.

    to_aligned: unaligned over aligned time; None for blocks of 1.
    peak_share: of the layers with many lanes and pixels; None if there are none.
    speedup: over dense XNNPACK.
    """

    family: str
    threads: int
    block_size: int
    sparsity: int
    to_aligned: Figure | None
    peak_share: Figure | None
    speedup: Figure

    @property
    def setting(self) -> str:
        """In words."""
        threads = count_of(self.threads, "thread")
        return f"{self.family}, {threads}, N={self.block_size}, {self.sparsity}%"


def is_deep(result: LayerResult) -> bool:
    """Whether the layer has so many lanes and pixels that nothing but multiply-adds counts."""
    layer = result.layer
    return layer.lanes >= _DEEP_LANES and min(layer.out_h, layer.out_w) >= _DEEP_PIXELS


def summarise(results: Iterable[LayerResult]) -> list[Summary]:
    """One summary for each setting, sorted; families in the order of their first result."""
    results = list(results)
    families = list(dict.fromkeys(result.family for result in results))

    def setting(result: LayerResult) -> tuple[int, int, int, int]:
        family = families.index(result.family)
        return family, result.threads, result.block_size, result.sparsity

    return [_summary(list(group)) for _, group in groupby(sorted(results, key=setting), setting)]


def summary_cells(summary: Summary) -> list[str]:
    """One row under SUMMARY_HEADINGS."""
    return [
        summary.family,
        str(summary.threads),
        str(summary.block_size),
        f"{summary.sparsity}%",
        *_figure_cells(summary.to_aligned, "{:.3f}"),
        *_figure_cells(summary.peak_share, "{:.0%}"),
        *_figure_cells(summary.speedup, "{:.2f}x"),
    ]


def targets(summaries: Iterable[Summary]) -> list[str]:
    """A line for each target and setting that was measured: the figures, what is expected, and
    whether they are met."""
    lines = []
    for each in summaries:
        if (each.block_size, each.sparsity) != (TARGET_BLOCK_SIZE, TARGET_SPARSITY):
            continue
        if each.to_aligned is not None:
            ratio = each.to_aligned
            met = ratio.mean <= _MEAN_TO_ALIGNED and ratio.worst <= _WORST_TO_ALIGNED
            lines.append(
                f"{each.setting}: unaligned / aligned time {ratio.mean:.3f} geometric mean "
                f"(<= {_MEAN_TO_ALIGNED:.2f}), {ratio.worst:.3f} worst layer "
                f"(<= {_WORST_TO_ALIGNED:.2f}), {ratio.layer}: {_verdict(met)}"
            )
        least = _PEAK_SHARES.get(each.family)
        if each.peak_share is not None and least is not None:
            share = each.peak_share
            lines.append(
                f"{each.setting}: share of FMA peak, K >= {_DEEP_LANES} at >= "
                f"{_DEEP_PIXELS}x{_DEEP_PIXELS}: {share.mean:.1%} geometric mean, "
                f"{share.worst:.1%} worst layer (>= {least:.0%}), {share.layer}; "
                f"{share.count_from(least)} of {len(share.values)} layers reach it: "
                f"{_verdict(share.worst >= least)}"
            )
    return lines


def values(report: Report) -> dict[str, Any]:
    """For the template; of the `listed` layers those of the first kernel family."""
    summaries = summarise(report.results)
    shown = listed(report.results)
    first = shown[0]
    return {
        "networks": dict.fromkeys(name for each in report.results for name in each.networks),
        "shapes": len({result.layer for result in report.results}),
        "targets": targets(summaries),
        "target_block_size": TARGET_BLOCK_SIZE,
        "summary_headings": SUMMARY_HEADINGS,
        "summary_rows": [summary_cells(summary) for summary in summaries],
        "first": first,
        "layer_headings": LAYER_HEADINGS,
        "layer_rows": [layer_cells(each) for each in shown if each.family == first.family],
    }


def _summary(results: list[LayerResult]) -> Summary:
    first = results[0]
    to_aligned = [
        (each.to_aligned, each.layer.name) for each in results if each.to_aligned is not None
    ]
    shares = [(each.peak_share, each.layer.name) for each in results if is_deep(each)]
    speedup = Figure.of([(each.speedup, each.layer.name) for each in results], highest=False)
    assert speedup is not None
    return Summary(
        family=first.family,
        threads=first.threads,
        block_size=first.block_size,
        sparsity=first.sparsity,
        to_aligned=Figure.of(to_aligned, highest=True),
        peak_share=Figure.of(shares, highest=False),
        speedup=speedup,
    )


def _verdict(met: bool) -> str:
    return "met" if met else "missed"


def _figure_cells(figure: Figure | None, form: str) -> list[str]:
    if figure is None:
        return ["-", "-"]
    return [form.format(figure.mean), form.format(figure.worst)]
