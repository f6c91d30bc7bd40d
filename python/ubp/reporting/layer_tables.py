"""Tables of a conversion for the terminal: every layer with weights, and what became of it."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from ubp.conversion.layer_report import LayerReport, sparsity_of
from ubp.format import Activation, Padding, ValueType

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
    for heading in ("zeros", "N", "blocks", "KiB", "predicted", *(["measured"] * measured)):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("result" if done else "convert would", overflow="fold")
    for layer in report:
        verdict = _verdict(layer, done)
        table.add_row(*_cells(layer, measured), verdict, style=None if layer.taken else "dim")
    table.add_section()
    table.add_row(*_total_cells(report, measured))
    console.print(table)


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
    console.print(table)


def short_name(name: str) -> str:
    """The end of a tensor's name, which TensorFlow makes of paths joined by ';'."""
    return "/".join(name.split(";")[0].split("/")[-2:])


def _verdict(layer: LayerReport, done: bool) -> str:
    if not layer.taken:
        return f"keep: {layer.reason}"
    verdict = "converted" if done else "convert it"
    return f"{verdict}; {DENSE_STAYS}" if layer.keeps_dense else verdict


def _cells(layer: LayerReport, measured: bool) -> list[str]:
    return [
        short_name(layer.name),
        layer.op,
        "x".join(map(str, layer.shape)),
        _share(layer.sparsity),
        "" if layer.block_size is None else str(layer.block_size),
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
