"""docs/performance.md: what was measured, on which machine and how."""

from __future__ import annotations

from pathlib import Path

from bench.networks.measure import TOLERANCE
from bench.networks.report import Report
from bench.networks.table import markdown_table
from bench.networks.zoo import FULL

PAGE = Path(__file__).resolve().parents[3] / "docs" / "performance.md"


def render(report: Report) -> str:
    """The page, in Markdown.

    Raises:
        ValueError: if the report is of other networks than the page is about.
    """
    other = [name for name in report.blocks if name not in FULL]
    if other:
        raise ValueError(
            f"the results are of {other[0]}, which is for quick runs only; expected "
            f"{', '.join(FULL)}."
        )
    machine = report.machine
    versions = ", ".join(f"{name} {version}" for name, version in machine.versions.items())
    return f"""# Performance of whole networks

Made by `./run bench models --write-docs` from the results of `./run bench models`, which anybody
can repeat.

## Results

{markdown_table(report.results)}

XNNPACK ms and UBP ms are the median latency of one inference. Speed-up is the median of the ratios
of the rounds; p10 - p90 are these ratios' 10th and 90th percentile. The largest error is relative
to the range of the outputs.

{_slower_rows(report)}

## Machine

- processor: {machine.processor}, {machine.cores} cores, {machine.system}
- vector instructions: {", ".join(machine.instruction_sets) or "not known"}
- versions: {versions}
- delegate: library with SHA-256 {machine.delegate[:16]}...
- date: {report.date}

## How it is measured

- Networks: those of `keras.applications`, float32, batch size 1, {_sizes(report)}.
  Their weights are random: which weights are zero makes a difference to the speed, their values do
  not. The statistics of batch normalisation are set from noise, so that outputs depend on inputs.
- Sparsity: the share of zeros in every 1x1 and 3x3 convolution but the first convolution and the
  classifier. What is kept are unaligned blocks of {report.block_size} output channels, chosen by
  magnitude in one shot; as the weights are random, so are the blocks' places. The networks are
  converted with `ubp.convert(model, block_size={report.block_size})`, which leaves a layer
  dense where it predicts no gain.
- XNNPACK: the unpruned network as an ordinary file in ai-edge-litert's standard interpreter, with
  as many threads as UBP has.
- 0%: the unpruned network, not converted, with the delegate's option `take=all`. Unasked, the
  delegate leaves such a network to XNNPACK.
- Before anything is timed, the outputs of UBP for random inputs are compared with those of XNNPACK
  for the same weights. A difference of more than {TOLERANCE:g} of their range ends the run.
- The two interpreters take turns, each with a block of inferences, for {report.rounds} rounds.
  Inferences in a block: {_blocks(report)}.

## What this does not show

- Accuracy: it needs trained weights. `./run demo` trains and prunes a small network, and measures
  its accuracy.
- Other machines, phones among them. Compare speed-ups rather than milliseconds, which drift with
  the machine's load and temperature.
- Other inference engines, other block sizes, and the time and memory that loading a model takes.
"""


def _slower_rows(report: Report) -> str:
    slower = [
        f"{result.network} at {result.sparsity}% with {result.threads} "
        f"{'thread' if result.threads == 1 else 'threads'}"
        for result in report.results
        if result.speedup.median < 1
    ]
    return f"Slower than XNNPACK: {'; '.join(slower) or 'none of these'}."


def _sizes(report: Report) -> str:
    sizes = sorted({result.input_size for result in report.results})
    return "inputs of " + ", ".join(f"{size}x{size}x3" for size in sizes)


def _blocks(report: Report) -> str:
    return ", ".join(f"{name} {count}" for name, count in report.blocks.items())
