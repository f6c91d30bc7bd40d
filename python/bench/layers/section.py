"""The section of docs/performance.md about single layers."""

from __future__ import annotations

from bench.harness.page import machine_lines
from bench.harness.table import markdown_table
from bench.layers.report import LayerResult, Report
from bench.layers.summary import TARGET_BLOCK_SIZE, summarise, targets
from bench.layers.table import LAYER_HEADINGS, SUMMARY_HEADINGS, layer_cells, summary_cells

HEADING = "Single layers"


def render(report: Report, shown: list[LayerResult]) -> str:
    """What stands below the heading, in Markdown.

    Args:
        shown: the results of one setting, which are listed layer by layer, those of the first
            kernel family only.
    """
    summaries = summarise(report.results)
    first = shown[0]
    listed = [result for result in shown if result.family == first.family]
    peaks = "; ".join(f"{name}: {peak:.0f}" for name, peak in report.peaks.items())
    lines = "\n".join(f"- {line}" for line in targets(summaries)) or "- not measured"
    return f"""The delegate's kernels on every distinct convolution layer of {_networks(report)}, of
224x224 pixels; {len({result.layer for result in report.results})} shapes.

### Targets

{lines}

N={TARGET_BLOCK_SIZE} is the block size that the converter is used with in the section on whole
networks. K is the number of lanes: kernel height times width times input channels.

### All settings

{markdown_table(SUMMARY_HEADINGS, map(summary_cells, summaries))}

Geometric mean and the worst layer each. To aligned: time over that of as many blocks that start at
multiples of N only. Of peak: share of the multiply-adds that a loop in registers does, of the
layers that the target names. Speed-up: over the dense layer in XNNPACK.

### Layer by layer, N={first.block_size} at {first.sparsity}%

Kernels: {first.family}; threads: {first.threads}. A layer is named by kernel, stride, input and
output channels, and size of the output.

{markdown_table(LAYER_HEADINGS, map(layer_cells, listed))}

### Machine of the layers

{machine_lines(report.machine, report.date)}
- peaks of multiply-adds, GFLOP/s: {peaks}

### How layers are measured

- The layer runs as inside a chain of layers: channel-major in and out, prepared by
  `MakeWrosConvolution`. A network's first layer reads an NHWC image, and one pixel is an NHWC image
  too. A 1x1 layer of stride 2 reads a tensor of the pixels that it needs: inside a network the
  layers before it compute no others. Padding operators in front of a layer are not part of it;
  depthwise layers are not measured.
- Blocks are those of largest magnitude of random weights, so their places are random. GFLOP/s count
  two operations for each weight that is kept and pixel that exists: not what a kernel computes in
  vain at the edges.
- XNNPACK runs a model of this one layer in ai-edge-litert's standard interpreter, NHWC in and out,
  with as many threads.
- All variants of a layer, XNNPACK and the loop of multiply-adds take turns for {report.rounds}
  rounds, in blocks of at least 2 ms after one untimed run. A time is the median over the rounds of
  each block's median; a ratio is the median of the rounds' ratios.
"""


def _networks(report: Report) -> str:
    names = dict.fromkeys(name for result in report.results for name in result.networks)
    return ", ".join(names)
