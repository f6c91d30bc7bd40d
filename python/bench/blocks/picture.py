"""The results as a picture: time and kept importance of every contender."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from bench.blocks.report import Report
from bench.harness import colours


def draw(path: Path, report: Report) -> None:
    """Draw one panel per case, overwriting the file."""
    cases = list(report.weights)
    rows = max(len(report.of(case)) for case in cases)
    figure = Figure(figsize=(6 * len(cases), 1.5 + 0.4 * rows), layout="constrained")
    for axes, case in zip(figure.subplots(1, len(cases), squeeze=False)[0], cases, strict=True):
        results = report.of(case)[::-1]
        labels = [
            result.contender if result.family == "-" else f"{result.contender} ({result.family})"
            for result in results
        ]
        bars = axes.barh(labels, [result.ms for result in results], color=colours.SERIES[0])
        axes.bar_label(
            bars, [f"{result.ms:.3g} ms, {result.kept:.2%}" for result in results], padding=4
        )
        axes.set_xscale("log")
        axes.margins(x=0.5)
        axes.set_title(f"{case}, {report.weights[case] / 1e6:.2f} million weights", fontsize=10)
        axes.set_xlabel("ms; share of the optimum's importance")
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(
        f"N={report.block_size}, {report.sparsity}% removed; {report.machine.processor}, "
        f"{report.date[:10]}",
        fontsize=10,
    )
    figure.savefig(path, dpi=100)
