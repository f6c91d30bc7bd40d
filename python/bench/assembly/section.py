"""The section of docs/performance.md about Arm."""

from __future__ import annotations

from bench.assembly.model import WARM_ITERATIONS
from bench.assembly.report import PROCESSORS, Report, verdicts
from bench.assembly.table import TILE_HEADINGS, tile_cells
from bench.harness.table import markdown_table

HEADING = "Arm kernels in models of processors"


def render(report: Report) -> str:
    """What stands below the heading, in Markdown."""
    lines = "\n".join(f"- {verdict.line}" for verdict in verdicts(report))
    return f"""Nothing here was measured on Arm hardware: the instructions of the inner loops,
of the delegate's library, were put through LLVM's models of processors.

### Targets on Arm

{lines}

### Cycles per block

{markdown_table(TILE_HEADINGS, map(tile_cells, report.tiles))}

A block is N weights times the pixels of a tile. Each figure is that of the whole loop / that of its
multiply-adds alone, in cycles; the latter is no less than the latency of one, which is 4.
neoverse-n1 (like Cortex-A76) and neoverse-v1 (like Cortex-X1) execute out of order, cortex-a510 and
cortex-a55 in order. The delegate takes the kernels `neon_in_order` where it finds a core that
executes in order, `neon` elsewhere, or what the option `kernel` says.

### How the models are used

- Library: SHA-256 {report.library[:16]}..., compiled by {report.compiler}
- Models: llvm-mca of {report.llvm}, for {", ".join(PROCESSORS)}
- Date: {report.date}
- An inner loop is an innermost loop that calculates, of any kernel: tiles, single pixels, windows,
  dot products and elementwise functions. A spill is an instruction in it that loads from the stack
  or stores to it.
- Of the loops over blocks of a tile kernel, one for each of N start channels, the slowest counts.
  Cycles are those of an iteration after {WARM_ITERATIONS} others.
- The models know no cache: all data is in the first level. They are as right as LLVM's authors
  made them. The one of the Cortex-A55 does two multiply-adds of 4 floats per cycle, and two
  instructions of any kind: with loads and addresses no loop can reach its bound there.
"""
