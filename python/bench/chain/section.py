"""The section of docs/performance.md about random chains."""

from __future__ import annotations

from bench.chain.report import Report
from bench.chain.table import (
    MISS_HEADINGS,
    SPREAD_HEADINGS,
    miss_rows,
    misses,
    spread_rows,
    target,
)
from bench.harness.page import machine_lines
from bench.harness.table import markdown_table

HEADING = "Random chains"


def render(report: Report) -> str:
    """What stands below the heading, in Markdown."""
    seeds = [result.seed for result in report.results]
    missed = misses(report)
    worst = markdown_table(MISS_HEADINGS, miss_rows(report)) if missed else "None."
    return f"""What the delegate takes by default (`take=auto`), on {len(seeds)} random chains
(seeds {min(seeds)} to {max(seeds)}): convolutions with and without zeros, depthwise ones, pooling,
padding, residuals, concatenations and activations, with operators between them that only XNNPACK
runs.

### Target of the chains

- {target(report)}

### Speed of the chains

{markdown_table(SPREAD_HEADINGS, spread_rows(report))}

### Chains that miss it

{worst}

Speed-ups are to XNNPACK; of {len(missed)} chains the worst are shown.
`python/bench/chain/networks.py` makes a chain of its seed.

### Machine of the chains

{machine_lines(report.machine, report.date)}

### How chains are measured

One thread. The interpreters take turns for {report.rounds} rounds (four times as many for a chain
that misses a target at first), in each with some inferences in a row; an inference counts by its
thread's processor time, and of all the 10th percentile. Values of `take` that take the same nodes
share a time.
"""
