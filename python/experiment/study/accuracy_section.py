"""The section of docs/accuracy.md about the methods."""

from __future__ import annotations

from bench.harness.table import markdown_table
from experiment.study import section, table
from experiment.study.report import Report

HEADING = "Which blocks to keep"
PICTURE = "accuracy.svg"


def render(report: Report) -> str:
    """What stands below the heading, in Markdown."""
    cells = "\n".join(section.cell_section(cell) for cell in report.cells)
    return f"""### Answers

{markdown_table(table.question_headings(), table.question_rows(report))}

Differences in accuracy, in percentage points: the mean over the seeds ± half of the 95% interval
(Student's t, in pairs of the same seed). The literature's claim, for comparison: VGG-13 on CIFAR-10
at 94.9% sparsity, optimal unaligned blocks are 2.8 points above aligned and 1.6 above greedy
(CASES 2019; see arXiv 2407.19644).

![Accuracy of each method minus that of aligned blocks, by cell]({PICTURE})

### Results

{markdown_table(table.DENSE_HEADINGS, table.dense_rows(report))}

{section.columns_text()}

{cells}
### How this is measured

{section.setting_text(report)}

One-shot: the dense network is pruned at once and not trained; the statistics of batch normalisation
are then measured anew on 5,000 training pictures. Gradual: the sparsity rises from 0 within the
first 60% of the steps (`ubp.PolynomialDecay`, masks chosen anew every 10 steps) while the network
trains on, with Adam, a learning rate of 0.001 that falls to 0 along a cosine, and masked gradients.
Importance is the absolute weight. Unstructured keeps single weights, whatever N is. Permutation is
`ubp.permute_channels` on the dense network, at the N and the sparsity of the cell; it looks for
good unaligned blocks, for aligned ones too. Global is one budget for all layers, with importance
divided by each layer's root mean square (`scope=ubp.GlobalBudget(normalize="rms")`), which changes
the latency; the others keep the same share of each layer.

### What this does not show

- Large networks and photographs: the task was made to be learned in seconds, and to be hard.
- The best accuracy that each method can reach: the settings of the training are the same for all.
"""
