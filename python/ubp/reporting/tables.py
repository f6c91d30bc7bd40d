# SPDX-License-Identifier: Apache-2.0
"""Tables for the terminal: layers, the delegate's decisions, profiles, costs, verifications."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from ubp.check.verification import Verification
from ubp.conversion.layer_report import LayerReport, sparsity_of
from ubp.conversion.whole import NetworkTimes
from ubp.costs import CostModel
from ubp.format import Activation, Padding, ValueType
from ubp.reporting.narrow import print_table
from ubp.runtime.decisions import DelegateReport, NodeDecision
from ubp.timing.profile import DelegateProfile, ProfiledStep

DENSE_STAYS = "its dense weights stay, too: something else in the model uses them"

_NAMED = {"activation": Activation, "padding": Padding, "value_type": ValueType}


def print_report(report: list[LayerReport], console: Console, done: bool = True) -> None:
    """Print a row for each layer and one for all of them together.

    `done`: the layers taken were converted, otherwise they would be.
    """
    table = Table(header_style="bold", pad_edge=False)
    for heading in ("layer", "op", "weights"):
        table.add_column(heading, overflow="fold")
    measured = any(layer.measured is not None for layer in report)
    for heading in ("sparsity", "N", "blocks", "KiB", "predicted", *(["measured"] * measured)):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("result" if done else "convert would", overflow="fold")
    for layer in report:
        verdict = _verdict(layer, done)
        table.add_row(*_cells(layer, measured), verdict, style=None if layer.taken else "dim")
    table.add_section()
    table.add_row(*_total_cells(report, measured))
    print_table(table, console)


def print_attributes(report: list[LayerReport], console: Console) -> None:
    """Print the attributes of the layers that were block-sparse before, if there are any."""
    sparse = [layer for layer in report if layer.attributes is not None]
    if not sparse:
        return
    table = Table(title="block-sparse layers", header_style="bold", pad_edge=False)
    for heading in ("layer", "attributes"):
        table.add_column(heading, overflow="fold")
    for layer in sparse:
        values = layer.attributes.as_dict() if layer.attributes is not None else {}
        named = {name: kind(values[name]).name for name, kind in _NAMED.items() if name in values}
        shown = (f"{name} {value}" for name, value in (values | named).items())
        table.add_row(short_name(layer.name), ", ".join(shown))
    print_table(table, console)


def short_name(name: str) -> str:
    """The end of a tensor's name, which TensorFlow makes of paths joined by ';'."""
    return "/".join(name.split(";")[0].split("/")[-2:])


def _verdict(layer: LayerReport, done: bool) -> str:
    if not layer.taken:
        return f"keep: {layer.reason}"
    return "; ".join(["converted" if done else "convert it", *remarks(layer)])


def remarks(layer: LayerReport) -> list[str]:
    """What is to be known of a layer that is converted."""
    return [
        *(["stored as int8"] * (layer.stored_as == ValueType.I8.name and not layer.is_int8)),
        *([layer.note] * bool(layer.note)),
        *([DENSE_STAYS] * layer.keeps_dense),
    ]


def block_text(layer: LayerReport) -> str:
    """N, or N and the lanes of blocks that have several."""
    if layer.block_size is None:
        return ""
    lanes = f"x{layer.block_lanes}" * (layer.block_lanes != 1)
    return f"{layer.block_size}{lanes}"


def _cells(layer: LayerReport, measured: bool) -> list[str]:
    return [
        short_name(layer.name),
        layer.op,
        "x".join(map(str, layer.shape)),
        _share(layer.sparsity),
        block_text(layer),
        "" if layer.num_blocks is None else str(layer.num_blocks),
        "shared" if layer.shares_weights else _kib(layer.bytes_before, layer.bytes_after),
        _times(layer.speedup),
        *([_times(layer.measured)] if measured else []),
    ]


def _total_cells(report: list[LayerReport], measured: bool) -> list[str]:
    size = _kib(
        sum(layer.bytes_before for layer in report), sum(layer.bytes_after for layer in report)
    )
    return ["together", "", "", _share(sparsity_of(report)), "", "", size, *([""] * (2 + measured))]


def _share(sparsity: float | None) -> str:
    return "" if sparsity is None else f"{sparsity:.1%}"


def _kib(before: int, after: int) -> str:
    return f"{before / 1024:.1f}" + (f" -> {after / 1024:.1f}" if after != before else "")


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.2f}x"


def print_delegate_report(report: DelegateReport, console: Console) -> None:
    """Print one row per operator."""
    taken = sum(node.taken for node in report.nodes)
    title = f"the delegate takes {taken} of {len(report.nodes)} nodes, kernel {report.kernel}"
    table = Table(title=title, header_style="bold", pad_edge=False)
    table.add_column("node", justify="right", no_wrap=True)
    for heading in ("op", "layer"):
        table.add_column(heading, overflow="fold")
    for heading in ("sparsity", "N", "predicted"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("delegate", overflow="fold")
    for node in report.nodes:
        table.add_row(*_node_cells(node), style=None if node.taken else "dim")
    print_table(table, console)


def _node_cells(node: NodeDecision) -> list[str]:
    return [
        f"{node.subgraph}.{node.node}" if node.subgraph else str(node.node),
        node.op,
        "/".join(node.layer.split("/")[-2:]),
        "" if node.zeros is None else f"{node.zeros:.1%}",
        "" if node.block_size is None else str(node.block_size),
        "" if node.speedup is None else f"{node.speedup:.2f}x",
        _decision(node),
    ]


def _decision(node: NodeDecision) -> str:
    if not node.taken:
        return f"leave: {node.reason}"
    return "take it" if node.kernel is None else f"take it, kernel {node.kernel}"


def print_profile(profile: DelegateProfile, console: Console) -> None:
    """Print one row per step, and one for the rest of the inference."""
    on_device = profile.kernel == "opencl"
    where = "the device's kernels" if on_device else "the delegate"
    table = Table(
        title=f"{profile.steps_ms:.3f} of {profile.mean_ms:.3f} ms per inference in {where}, "
        f"kernel {profile.kernel}, {profile.threads} thread{'s' * (profile.threads != 1)}",
        header_style="bold",
        pad_edge=False,
    )
    table.add_column("operators", overflow="fold")
    for heading in ("share", "mean us", "min us", "GMAC/s"):
        table.add_column(heading, justify="right", no_wrap=True)
    for step in profile.steps:
        table.add_row(
            _step_name(step),
            f"{step.mean_us / profile.mean_ms / 1e3:.1%}",
            f"{step.mean_us:.1f}",
            f"{step.min_us:.1f}",
            f"{step.gmacs:.1f}" if step.multiply_adds else "",
            style="dim" if step.conversion else None,
        )
    rest_ms = profile.mean_ms - profile.steps_ms
    rest = "transfers, waiting and outside the delegate" if on_device else "outside the delegate"
    table.add_row(rest, f"{rest_ms / profile.mean_ms:.1%}", f"{rest_ms * 1e3:.1f}")
    table.caption = "GMAC/s: zeros count as if they were multiplied"
    print_table(table, console)


def _step_name(step: ProfiledStep) -> str:
    names = "\n".join(_short(operator) for operator in step.operators)
    if step.conversion:
        return f"layout of {names or 'an input'}"
    return names


def _short(operator: str) -> str:
    """With the last two parts of its layer's name."""
    op, _, layer = operator.partition(" ")
    return " ".join((op, "/".join(layer.strip("'").split("/")[-2:]))).strip()


def print_costs(costs: CostModel, console: Console) -> None:
    """Print the constants of a cost model by block size."""
    table = Table(header_style="bold", pad_edge=False)
    for heading in ("N", "block", "block, one pixel"):
        table.add_column(heading, justify="right")
    for n in costs.block:
        table.add_row(str(n), f"{costs.block[n]:.2f}", f"{costs.single[n]:.2f}")
    where = " on the GPU" if costs.backend == "gpu" else ""
    table.caption = (
        f"in multiply-adds of the dense kernel{where}; changing a value's layout: "
        f"{costs.transpose:.2f}"
    )
    print_table(table, console)


def network_text(times: NetworkTimes) -> str:
    """The times of a network in a line, and what other thresholds would give in another."""
    others = ", ".join(
        f"{each.min_speedup:g}: {each.taken} layers {each.us / 1e3:.3f} ms"
        for each in times.thresholds
    )
    return (
        f"the whole network: {times.us / 1e3:.3f} ms predicted, {times.dense_us / 1e3:.3f} ms "
        f"dense ({times.dense_us / times.us:.2f}x)\nby --min-speedup {others}"
    )


def verification_text(result: Verification) -> str:
    """A comparison in two lines, and one more for each signature that was not run."""
    samples = f"{result.samples} sample{'s' * (result.samples != 1)}"
    classes = "" if result.agreement is None else f"; the same class in {result.agreement:.1%}"
    several = f" of {len(result.signatures)} signatures" * (len(result.signatures) > 1)
    return "\n".join(
        [
            f"largest error {result.max_abs_error:.3g}, {result.relative_error:.3g} of the output "
            f"range {result.output_range:.4g} (accepted: {result.tolerance:g}): "
            f"{'passed' if result.passed else 'FAILED'}",
            f"mean error {result.mean_abs_error:.3g} over {samples}{several}{classes}",
            *(f"not run: {name}: {reason}" for name, reason in result.not_run.items()),
        ]
    )
