"""The results as rows of tables."""

from __future__ import annotations

from bench.blocks.report import Result

HEADINGS = ("method", "instructions", "ms", "to optimal", "kept")


def cells(result: Result) -> list[str]:
    """One row under HEADINGS."""
    return [
        result.contender,
        result.family,
        f"{result.ms:.3g}" if result.ms < 1000 else f"{result.ms:.0f}",
        f"{result.to_optimal:.3g}x" if result.to_optimal < 1000 else f"{result.to_optimal:.0f}x",
        f"{result.kept:.3%}",
    ]
