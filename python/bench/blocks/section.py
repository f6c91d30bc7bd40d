"""The section of docs/performance.md about block selection."""

from __future__ import annotations

from bench.blocks.report import Report
from bench.blocks.table import HEADINGS, cells
from bench.blocks.targets import checks
from bench.harness.page import machine_lines
from bench.harness.table import markdown_table

HEADING = "Block selection"


def render(report: Report) -> str:
    """What stands below the heading, in Markdown."""
    tables = "\n\n".join(
        f"{case}, {weights / 1e6:.2f} million weights:\n\n"
        f"{markdown_table(HEADINGS, map(cells, report.of(case)))}"
        for case, weights in report.weights.items()
    )
    lines = "\n".join(f"- {check}" for check in checks(report)) or "- not measured"
    return f"""Which blocks to keep: N={report.block_size}, {report.sparsity}% removed, one thread.

### Selection targets

{lines}

### Selection times

{tables}

To optimal: time over that of the exact optimum on the first instruction set. Kept: importance
inside the blocks, over the optimum's; with one m for all layers blocks move between layers.

### Machine of the selection

{machine_lines(report.machine, report.date)}

### How selection is measured

- A time is that of `ubp.select_blocks` from the call to the blocks in NumPy arrays, certificate
  included; of a network, of its layers one after the other. ResNet50 is its 53 convolutions.
- Importance is the absolute value of Gaussian weights, with a spread of their own for each lane
  and channel.
- "BED with a heap" is block expansion and division as it is usually written, in C++: one binary
  heap of all candidates of a layer, whose outdated entries are passed over. The dynamic programme
  is the O(n m) one over weights and numbers of blocks, also in C++. Both begin with importance
  that is already rounded to integers.
- All take turns for {report.rounds} rounds, after one run that is not timed. A time is the median
  over the rounds, a ratio the median of the rounds' ratios. The forms of the optimum have been
  found equal before.
"""
