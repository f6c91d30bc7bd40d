"""The section of docs/performance.md about permuted channels."""

from __future__ import annotations

from bench.channels.report import Report
from bench.channels.table import (
    GAIN_HEADINGS,
    PROOF_HEADINGS,
    SPEED_HEADINGS,
    gain_cells,
    proof_cells,
    speed_cells,
    targets,
)
from bench.harness.page import machine_lines
from bench.harness.table import markdown_table

HEADING = "Permuted channels"


def render(report: Report) -> str:
    """What stands below the heading, in Markdown."""
    gains = [row for result in report.networks for row in gain_cells(result)]
    lines = "\n".join(f"- {line}" for line in targets(report)) or "- no trained network"
    return f"""What `ubp.permute_channels` gains: importance that the optimal unaligned blocks of
{report.block_size} keep at {report.sparsity:.0%} zeros.

### Targets of permuting

{lines}

### Importance kept

{markdown_table(GAIN_HEADINGS, gains)}

Kept: the share of the sum of absolute weights that is kept in the original order. Chain and hill
climb: what all layers of a kind together keep more after permuting; least and most: of single
layers, with the hill climb. Layers that share their order with a residual sum have less freedom
than others, and so have 3x3 layers, whose nine positions are nine times as many lanes.

### The function is unchanged

{markdown_table(PROOF_HEADINGS, map(proof_cells, report.networks))}

Accuracy on scans of digits that the network has not seen, before and after permuting. Difference:
the largest of outputs on random inputs, relative to the largest output. The time is that of
`ubp.permute_channels`, layer by layer comparison included.

### One layer

{markdown_table(SPEED_HEADINGS, map(speed_cells, report.speeds))}

Random weights; median of {report.rounds} rounds.

### Machine of the permutations

{machine_lines(report.machine, report.date)}
"""
