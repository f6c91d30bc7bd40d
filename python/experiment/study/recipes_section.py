"""The section of docs/accuracy.md about combinations."""

from __future__ import annotations

from bench.harness.table import markdown_table
from experiment.study import section, table
from experiment.study.combinations import UPPER
from experiment.study.recipe import REFERENCE
from experiment.study.report import CellResult, Report

HEADING = "Closing the gap to unstructured pruning"


def render(report: Report) -> str:
    """What stands below the heading, in Markdown."""
    cells = "\n".join(_cell(cell) for cell in report.cells)
    return f"""{cells}
Gap closed: the share of the way from the accuracy of {REFERENCE} to that of {UPPER}, the ratio of
the mean differences, with a 95% percentile bootstrap interval over the seeds. Both ends are trained
as the recipe is: a better training by itself closes no gap. Every combination that was tried is in
these tables. Where nothing else is said, the settings are those of the section above. Distillation
mixes the dense network's outputs into the targets, half and half. Latency is `scope="latency"`: the
blocks together are predicted to take 5% of the time of all blocks, and each layer keeps at least
1% of its weights, or 2.5%; the other recipes keep 5% of every layer, which is predicted to take as
long.

{section.columns_text()}

### How recipes are measured

{section.setting_text(report)}
"""


def _cell(cell: CellResult) -> str:
    rows = markdown_table(table.RECIPE_HEADINGS, table.recipe_rows(cell, UPPER))
    return f"### {cell.title}\n\n{rows}\n"
