"""Report: what became of each layer, as data and as a table for the terminal. Decides nothing."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from ubp.convert.cover import Blocks
from ubp.convert.decide import Decision
from ubp.convert.find import Layer
from ubp.convert.flatbuffer import NO_BUFFER
from ubp.convert.pack import PackedOperator
from ubp.format import Activation, Attributes, Padding, ValueType

PICTURE_LANES, PICTURE_CHANNELS = 48, 96
DENSE_STAYS = "its dense weights stay, too: something else in the model uses them"

_NAMED = {"activation": Activation, "padding": Padding, "value_type": ValueType}


@dataclass(frozen=True)
class LayerReport:
    """One layer with weights.

    name: the weights tensor's name.
    op: the operator's name before conversion.
    taken: whether it was converted.
    reason: why not; empty if taken.
    shape: the weights' shape in the file before conversion.
    sparsity: share of zeros among the weights, or None where they were not examined.
    block_size, num_blocks: the cover with the best predicted speed, also where it was not taken;
        None for layers that cannot be converted.
    bytes_before, bytes_after: of the weights in the file; equal where nothing changed. Weights that
        several layers share count in the first of them.
    speedup: predicted for the layer alone, sparse over dense; None for layers that cannot be
        converted.
    macs: multiply-adds of one inference of the dense layer; None where they are not known.
    measured: as speedup, measured by ubp.convert.measure; None where it was not.
    picture: bool [lanes, channels], where the blocks lie in the first lanes and channels, at most
        PICTURE_LANES x PICTURE_CHANNELS of them; None for layers that cannot be converted.
    attributes: of a layer that was block-sparse before; otherwise None.
    shares_weights: an earlier layer has the same weights.
    keeps_dense: taken, but the dense weights stay in the file, as something else refers to them.
    """

    name: str
    op: str
    taken: bool
    reason: str
    shape: tuple[int, ...]
    sparsity: float | None
    block_size: int | None
    num_blocks: int | None
    bytes_before: int
    bytes_after: int
    speedup: float | None
    macs: int | None = None
    measured: float | None = None
    picture: npt.NDArray[np.bool_] | None = field(default=None, repr=False, compare=False)
    attributes: Attributes | None = None
    shares_weights: bool = False
    keeps_dense: bool = False


def report_layers(
    decisions: Sequence[Decision], packed: Mapping[int, PackedOperator], kept: Container[int]
) -> list[LayerReport]:
    """The report on a model's layers.

    Args:
        decisions: on all of them, in the order of the file.
        packed: what the layers that were taken were packed to, by index.
        kept: the buffers of the model that still hold what they held.
    """
    counted: set[int] = set()
    written: set[bytes] = set()
    report = []
    for index, decision in enumerate(decisions):
        layer, new = decision.layer, packed.get(index)
        shared = layer.buffer in counted
        before = 0 if shared else layer.stored_bytes
        after = before if layer.buffer in kept else 0
        if new is not None and new.packed not in written:
            after += len(new.packed)
            written.add(new.packed)
        if layer.buffer != NO_BUFFER:
            counted.add(layer.buffer)
        report.append(
            dataclasses.replace(
                _report_layer(decision),
                bytes_before=before,
                bytes_after=after,
                shares_weights=shared,
                keeps_dense=new is not None and layer.buffer in kept,
            )
        )
    return report


def _report_layer(decision: Decision) -> LayerReport:
    """The report on one layer, as if it had its weights for itself and nothing was changed."""
    layer, blocks = decision.layer, decision.blocks
    return LayerReport(
        name=layer.name,
        op=layer.op,
        taken=decision.taken,
        reason=decision.reason,
        shape=layer.shape,
        sparsity=decision.sparsity,
        block_size=None if blocks is None else blocks.size,
        num_blocks=None if blocks is None else blocks.count,
        bytes_before=layer.stored_bytes,
        bytes_after=layer.stored_bytes,
        speedup=decision.speedup,
        macs=_macs(layer),
        picture=None if blocks is None else _picture(blocks, layer.shape),
        attributes=None if layer.packed is None else layer.packed.attributes,
    )


def sparsity_of(report: list[LayerReport]) -> float | None:
    """Share of zeros among the weights of all layers examined; None if there is no such layer."""
    examined = [
        (math.prod(layer.shape), layer.sparsity)
        for layer in report
        if layer.sparsity is not None and not layer.shares_weights
    ]
    weights = sum(size for size, _ in examined)
    return sum(size * sparsity for size, sparsity in examined) / weights if weights else None


def _macs(layer: Layer) -> int | None:
    if layer.candidate is None:
        return None
    return layer.candidate.out_pixels * layer.candidate.weights.size


def _picture(blocks: Blocks, shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """The first lanes and channels of a layer whose weights have `shape`, channels first."""
    lanes = min(math.prod(shape[1:]), PICTURE_LANES)
    picture = np.zeros((lanes, min(shape[0], PICTURE_CHANNELS) + blocks.size), np.bool_)
    shown = (blocks.lanes < lanes) & (blocks.starts < PICTURE_CHANNELS)
    for offset in range(blocks.size):
        picture[blocks.lanes[shown], blocks.starts[shown] + offset] = True
    return picture[:, : -blocks.size]


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


def _verdict(layer: LayerReport, done: bool) -> str:
    if not layer.taken:
        return f"keep: {layer.reason}"
    verdict = "converted" if done else "convert it"
    return f"{verdict}; {DENSE_STAYS}" if layer.keeps_dense else verdict


def short_name(name: str) -> str:
    """The end of a tensor's name, which TensorFlow makes of paths joined by ';'."""
    return "/".join(name.split(";")[0].split("/")[-2:])


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
