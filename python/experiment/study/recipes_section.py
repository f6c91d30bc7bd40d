"""The section of docs/accuracy.md about combinations."""

from __future__ import annotations

from bench.harness.table import markdown_table
from experiment.study import section, table
from experiment.study.combinations import UPPER, plain_cell
from experiment.study.recipe import REFERENCE
from experiment.study.report import CellResult, Report

HEADING = "Closing the gap to unstructured pruning"
PICTURE = "recipes.svg"


def render(report: Report) -> str:
    """What stands below the heading, in Markdown."""
    plain = plain_cell(report)
    cells = "\n".join(_cell(cell, plain) for cell in report.cells)
    return f"""![Accuracy of each recipe, a row for each way to train]({PICTURE})

{cells}
Gap closed: the share of the way from the accuracy of {REFERENCE} to that of {UPPER}, both
trained as the recipe is: a better training by itself closes nothing. Of plain gap: the share of
that way in the first table, so that what the training brings counts, too. Shares are ratios of mean
differences, with 95% percentile bootstrap intervals over the seeds. Every combination that was
tried is in these tables. Where nothing else is said, the settings are those of the section above.

Distillation mixes the dense network's outputs into the targets, half and half. Reweighted
regularisation and ADMM (`ubp.ReweightedRegularization`, `ubp.ADMM`, their defaults) update their
penalty every 30 steps and prune at 40% of the steps. Importance by gradients is
`importance="gradient"`, with a sparsity that rises within the first 40% of the steps. Latency is
`scope="latency"`: the kept blocks together are predicted to take 5% of the time of all, each layer
keeps at least 1% of its weights, and importance is compared between layers as LAMP does (arXiv
2010.07611). The other recipes keep 5% of every layer, which is predicted to take as long; blocks of
N=4 take 1% longer.

{section.columns_text()}

### How recipes are measured

{section.setting_text(report)}
"""


def _cell(cell: CellResult, plain: CellResult | None) -> str:
    rows = markdown_table(table.RECIPE_HEADINGS, table.recipe_rows(cell, plain, UPPER))
    return f"### {cell.title}\n\n{rows}\n"
