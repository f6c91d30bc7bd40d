"""The section of docs/performance.md about all of keras.applications."""

from __future__ import annotations

from bench.families.measure import TOLERANCE
from bench.families.report import REQUIRED_SPEEDUP, Report
from bench.families.table import HEADINGS, cells
from bench.families.zoo import FULL
from bench.harness.page import machine_lines
from bench.harness.table import count_of, markdown_table

HEADING = "All of keras.applications"


def render(report: Report) -> str:
    """What stands below the heading, in Markdown.

    Raises:
        ValueError: if the report is of other networks than the page is about.
    """
    measured = [result.application for result in report.results]
    other = [name for name in measured if name not in FULL]
    if other:
        raise ValueError(
            f"the results are of {other[0]}, which is for quick runs only; expected some of "
            f"{', '.join(FULL)}."
        )
    return f"""A network of each family, pruned, as a whole: does conversion ever make one slower?

{markdown_table(HEADINGS, map(cells, report.results))}

zeros: of all convolutions (1x1, 3x3 and others) and dense layers but the first and the classifier;
"mixed" draws a share from 0 to 95% for each layer. XNNPACK ms is the median latency of the pruned
network before conversion, UBP ms of the converted one. Speed-up is the median of the ratios of the
rounds; p10 - p90 are these ratios' 10th and 90th percentile. File is the converted file's size over
the one's before. Layers: how many became block-sparse, of the convolutions that are not depthwise
and the dense layers. Error is the largest, relative to the range of the outputs.

{verdict(report)}{_missing(report)}

### Machine of the applications

{machine_lines(report.machine, report.date)}

### How applications are measured

- Networks: float32, batch size 1, 1000 classes, in their usual sizes (299x299 pixels for
  InceptionV3 and Xception, 224x224 for all others), without the softmax at the end. Their weights
  are random, with a variance that keeps activations of order one; the statistics of batch
  normalisation are those of random images, so that outputs depend on inputs.
- Pruning: random blocks of {report.block_size} output channels that begin anywhere, converted with
  `ubp.convert(model, block_size={report.block_size})`, all else as by default.
- Before anything is timed, the outputs for random images are compared: a difference of more than
  {TOLERANCE:g} of their range ends the run.
- The two interpreters take turns, each with a block of inferences, for {report.rounds} rounds.
  Inferences in a block: {_blocks(report)}.
"""


def verdict(report: Report) -> str:
    """Whether the requirement is met, in a sentence."""
    slow = [
        f"{result.application} ({result.pruning}) with {count_of(result.threads, 'thread')}"
        for result in report.too_slow
    ]
    return f"Slower than {REQUIRED_SPEEDUP:g}x: {'; '.join(slow) or 'none of these'}."


def _missing(report: Report) -> str:
    measured = {result.application for result in report.results}
    missing = [name for name in FULL if name not in measured]
    return f" Not measured in this run: {', '.join(missing)}." if missing else ""


def _blocks(report: Report) -> str:
    names = dict.fromkeys(result.application for result in report.results)
    return ", ".join(f"{name} {report.blocks[name]}" for name in names)
