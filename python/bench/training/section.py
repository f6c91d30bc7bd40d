"""The section of docs/performance.md about pruning while training."""

from __future__ import annotations

from bench.harness.page import machine_lines
from bench.harness.table import markdown_table
from bench.training.report import Report
from bench.training.table import STEP_HEADINGS, UPDATE_HEADINGS, step_rows, target, update_row

HEADING = "Pruning while training"


def render(report: Report) -> str:
    """What stands below the heading, in Markdown."""
    updates = [update_row(report, update) for update in report.updates]
    return f"""MobileNet (width {report.alpha:g}, {report.size}x{report.size} images) in batches of
{report.batch}, without XLA: {report.kernels} kernels of {report.weights:,} weights together, pruned
to {report.sparsity:.0%} in unaligned blocks of {report.block_size}.

### Target of pruning while training

- {target(report)}

### Training steps

{markdown_table(STEP_HEADINGS, step_rows(report))}

Groups of steps of the two models in turn; a step of the pruned model computes with masked kernels.

### Updates of all masks

{markdown_table(UPDATE_HEADINGS, updates)}

Share: of the time of {report.frequency} steps and one such update. The scopes: every kernel has the
sparsity; all kernels together have it; the predicted time of all has it.

### Machine of the training

{machine_lines(report.machine, report.date)}
"""
