"""The section of docs/accuracy.md about combinations of recipes."""

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
Gap closed: the share of the way from the accuracy of "{REFERENCE}" to that of "{UPPER}", the ratio
of the mean differences, with a 95% percentile bootstrap interval over the seeds. 100% is as good as
"{UPPER}"; a recipe with other settings of the training may be above. Every combination that was
tried is in the table. Where nothing else is said, the settings are those of the section above.
Distillation mixes the dense network's outputs into the targets, half and half. Rises for 30%: the
sparsity reaches its end after 30% of the steps; otherwise it is after 60%. Latency budget is
`scope="latency"`: the blocks together are predicted to take 5% of the time of all blocks;
the other recipes keep 5% of the blocks of every layer, which is predicted to take as long.

{section.columns_text()}

### How recipes are measured

{section.setting_text(report)}
"""


def _cell(cell: CellResult) -> str:
    rows = markdown_table(table.RECIPE_HEADINGS, table.recipe_rows(cell, UPPER))
    return f"### {cell.title}\n\n{rows}\n"
