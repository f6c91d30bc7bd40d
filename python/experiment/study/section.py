"""What the sections of docs/accuracy.md have in common."""

from __future__ import annotations

from pathlib import Path

from bench.harness.page import machine_lines, replace_section
from bench.harness.table import count_of, markdown_table
from experiment.study import table
from experiment.study.report import CellResult, Report
from experiment.study.settings import BATCH

DOCS = Path(__file__).resolve().parents[3] / "docs"
PAGE = DOCS / "accuracy.md"

_HEAD = """# Accuracy

Each section is written by `./run experiment NAME --write-docs` from the results of
`./run experiment NAME`, which anybody can repeat.
"""


def write_section(heading: str, body: str) -> None:
    """Write one section of PAGE, which is made if it is not there."""
    text = PAGE.read_text() if PAGE.exists() else _HEAD
    PAGE.write_text(replace_section(text, heading, body))


def cell_section(cell: CellResult) -> str:
    """One cell with its table, in Markdown."""
    return f"""#### {cell.title}

{markdown_table(table.HEADINGS, table.cell_rows(cell))}
"""


def columns_text() -> str:
    """What the columns of these tables mean."""
    return """\
Accuracy and NLL (the mean negative log-likelihood of the right class, in nats) are means over the
seeds, on the test pictures. "- aligned" and "- greedy" are differences in accuracy to these
methods, in points, in pairs of the same seed, ± half of the 95% interval (Student's t). Kept is
the share of the dense network's absolute weights that lie where the last masks keep them."""


def setting_text(report: Report) -> str:
    """The task, the networks and the training, as a list in Markdown."""
    settings = report.settings
    rates = ", ".join(f"{rate:g} ({name})" for name, rate in settings.dense_rates.items())
    return f"""\
- Task: which of 32 shapes, connected sets of four edges of a grid of 3 x 3 nodes, does a picture
  of 24 x 24 grey pixels show? Nodes are jittered, the shape is rotated, scaled, sheared and
  shifted; stroke width, contrast, polarity, the gradient of the background and the noise vary, and
  there are up to two strokes that belong to no shape. {settings.train:,} pictures to train with,
  {settings.test:,} to test with.
- vgg: 3x3 convolutions of 32, 64, 128 and 128 channels, the first three with stride 2.
  mobilenet: a 3x3 convolution and four depthwise-separable ones of 64, 128, 128 and 256
  channels. Both with batch normalisation, ReLU, global average pooling and one classifier. All
  convolutions are pruned but the first and the depthwise ones; N divides all their channels.
- Dense training: {settings.dense_steps:,} steps of {BATCH} pictures, Adam, learning rate {rates},
  falling to 0 along a cosine.
- {count_of(len(report.seeds), "seed")}. A seed draws the first weights and the order of the
  pictures. All methods of a seed begin with the same dense network and see the same batches.

{machine_lines(report.machine, report.date)}"""
