"""The section of docs/performance.md about whole networks."""

from __future__ import annotations

from bench.harness.page import machine_lines
from bench.harness.table import count_of, markdown_table
from bench.networks.measure import TOLERANCE
from bench.networks.report import Report
from bench.networks.table import HEADINGS, cells, peer_cells, peer_headings
from bench.networks.zoo import FULL
from bench.peers.contenders import NOTED, REFUSED

HEADING = "Whole networks"


def render(report: Report) -> str:
    """What stands below the heading, in Markdown.

    Raises:
        ValueError: if the report is of other networks than the page is about.
    """
    other = [name for name in report.blocks if name not in FULL]
    if other:
        raise ValueError(
            f"the results are of {other[0]}, which is for quick runs only; expected "
            f"{', '.join(FULL)}."
        )
    return f"""### Results

{markdown_table(HEADINGS, map(cells, report.results))}

XNNPACK ms and UBP ms are the median latency of one inference. Speed-up is the median of the ratios
of the rounds; p10 - p90 are these ratios' 10th and 90th percentile. Error is the largest, relative
to the range of the outputs. MiB is the resident memory of UBP / XNNPACK.

{_slower_rows(report)}
{_peers(report)}
### Machine of the networks

{machine_lines(report.machine, report.date)}

### How networks are measured

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
- Memory: what loading the network, allocating its tensors and running it twice adds to the resident
  memory of a new process, pages of the mapped file included.

### What this does not show

- Accuracy: it needs trained weights. `./run demo` trains and prunes a small network, and measures
  its accuracy.
- Other machines, phones among them. Compare speed-ups rather than milliseconds, which drift with
  the machine's load and temperature.
- Other block sizes, and the time that loading a model takes.
"""


def _peers(report: Report) -> str:
    """The section about other inference engines; nothing if none was asked for."""
    lines = [f"- {note}" for note in report.notes]
    if not report.peers and not lines:
        return ""
    names = list(report.peers)
    rows = (peer_cells(result, names) for result in report.results)
    packages = "\n".join(f"- {name}: {how}" for name, how in report.peers.items())
    return f"""
### Other inference engines

{markdown_table(peer_headings(names), rows)}

Times as fast as the unpruned network in XNNPACK, in the same rounds, with as many threads, in
float32. They run the network with UBP's weights, zeros included. Their outputs are compared with
XNNPACK's before: a difference of more than {NOTED:g} of their range is noted below, one of more
than {REFUSED:g} is not accepted. Between its turns an engine's process is stopped.

{packages}
{chr(10).join(lines)}
"""


def _slower_rows(report: Report) -> str:
    slower = [
        f"{result.network} at {result.sparsity}% with {count_of(result.threads, 'thread')}"
        for result in report.results
        if result.speedup.median < 1
    ]
    return f"Slower than XNNPACK: {'; '.join(slower) or 'none of these'}."


def _sizes(report: Report) -> str:
    sizes = sorted({result.input_size for result in report.results})
    return "inputs of " + ", ".join(f"{size}x{size}x3" for size in sizes)


def _blocks(report: Report) -> str:
    return ", ".join(f"{name} {count}" for name, count in report.blocks.items())
