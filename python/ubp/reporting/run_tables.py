"""Tables of what was run: the delegate's decisions, profiles, costs and verifications."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from ubp.check.verification import Verification
from ubp.costs import CostModel
from ubp.runtime.decisions import DelegateReport, NodeDecision
from ubp.timing.profile import DelegateProfile, ProfiledStep


def print_delegate_report(report: DelegateReport, console: Console) -> None:
    """Print one row per operator."""
    taken = sum(node.taken for node in report.nodes)
    title = f"the delegate takes {taken} of {len(report.nodes)} nodes, kernel {report.kernel}"
    table = Table(title=title, header_style="bold", pad_edge=False)
    table.add_column("node", justify="right", no_wrap=True)
    for heading in ("op", "layer"):
        table.add_column(heading, overflow="fold")
    for heading in ("zeros", "N", "predicted"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("delegate", overflow="fold")
    for node in report.nodes:
        table.add_row(*_node_cells(node), style=None if node.taken else "dim")
    console.print(table)


def _node_cells(node: NodeDecision) -> list[str]:
    return [
        f"{node.subgraph}.{node.node}" if node.subgraph else str(node.node),
        node.op,
        "/".join(node.layer.split("/")[-2:]),
        "" if node.zeros is None else f"{node.zeros:.1%}",
        "" if node.block_size is None else str(node.block_size),
        "" if node.speedup is None else f"{node.speedup:.2f}x",
        "take it" if node.taken else f"leave: {node.reason}",
    ]


def print_profile(profile: DelegateProfile, console: Console) -> None:
    """Print one row per step, and one for the rest of the inference."""
    table = Table(
        title=f"{profile.steps_ms:.3f} of {profile.mean_ms:.3f} ms per inference in the delegate, "
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
    table.add_row(
        "outside the delegate", f"{rest_ms / profile.mean_ms:.1%}", f"{rest_ms * 1e3:.1f}"
    )
    table.caption = "GMAC/s: zeros count as if they were multiplied"
    console.print(table)


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
    table.caption = (
        f"in multiply-adds of the dense kernel; changing a value's layout: {costs.transpose:.2f}"
    )
    console.print(table)


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
