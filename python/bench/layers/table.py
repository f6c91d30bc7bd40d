"""The results as rows of tables."""

from __future__ import annotations

from bench.layers.report import LayerResult
from bench.layers.summary import Figure, Summary

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
LAYER_HEADINGS = ("layer", "us", "GFLOP/s", "of peak", "to aligned", "XNNPACK us", "speed-up")


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


def _figure_cells(figure: Figure | None, form: str) -> list[str]:
    if figure is None:
        return ["-", "-"]
    return [form.format(figure.mean), form.format(figure.worst)]
