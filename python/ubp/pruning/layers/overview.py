# SPDX-License-Identifier: Apache-2.0
"""`pruning_summary`: a table of the layers that are or would be pruned, and why others are not."""

from __future__ import annotations

import io
import math
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

import keras
from rich.console import Console
from rich.table import Table

from ubp.arguments import shown
from ubp.masking.given_masks import GivenMasks
from ubp.masking.patterns import Pattern
from ubp.masking.pruning_settings import DEFAULT_PATTERN, PruningSettings
from ubp.masking.schedules import (
    ConstantSparsity,
    CustomSchedule,
    PolynomialDecay,
    Schedule,
)
from ubp.pruning.layers.choice import check_alignment, dense_by_default, why_not_pruned
from ubp.pruning.layers.fake_quantization import LearnedRange
from ubp.pruning.layers.prunable import prunable_weights
from ubp.pruning.layers.pruned_layer import PrunedLayer, overall_sparsity
from ubp.pruning.layers.quantized_layer import QuantizedLayer
from ubp.pruning.layers.walking import check_copyable, iterate_layers

_WIDTH = 160  # of tables that do not go to a terminal
_HEADINGS = ("layer", "kind", "weights", "pattern", "method", "scope", "schedule", "sparsity")


class _Row(NamedTuple):
    """A line of the table; `cells` are those after the first three, `dense` is why it has none."""

    layer: keras.layers.Layer
    shape: str
    cells: Sequence[str]
    dense: str


def pruning_summary(
    model: keras.Model,
    pattern: Pattern = DEFAULT_PATTERN,
    print_fn: Callable[[str], object] | None = None,
) -> None:
    """Print a table of the layers with weights, like `model.summary()`.

    Of a pruned model: the settings and the sparsity of every pruned layer. Of another model: what
    `ubp.prune(model, schedule, pattern)` would prune. Either way, why each other layer is dense.

        >>> import keras
        >>> import ubp
        >>> layers = [keras.layers.Conv2D(8, 3, name=name) for name in ("stem", "body", "head")]
        >>> model = keras.Sequential([keras.Input((9, 9, 3)), *layers])
        >>> lines = []
        >>> ubp.pruning_summary(model, ubp.UnalignedBlock(4), print_fn=lines.append)
        >>> "stem" in lines[0] and "body" in lines[0]
        True

    Args:
        model: a built model of Keras 3, functional, Sequential or subclassed; pruned or not.
        pattern: what to prune in; ignored where the model is pruned.
        print_fn: called with the text of the table; None: print it on standard output.

    Raises:
        TypeError: if it is not a Keras 3 model, or another argument is of the wrong kind.
        ValueError: if the model is not built, or aligned blocks do not divide a layer's channels.
    """
    check_copyable(model, "pruning_summary")
    if print_fn is not None and not callable(print_fn):
        raise TypeError(f"print_fn is {shown(print_fn)}; expected a callable text -> anything.")
    layers = [
        layer.layer if isinstance(layer, QuantizedLayer) else layer
        for layer in iterate_layers(model)
        if layer.weights and not isinstance(layer, LearnedRange)
    ]
    pruned = [layer for layer in layers if isinstance(layer, PrunedLayer)]
    rows = _rows_of_pruned(layers, pruned) if pruned else _rows_of_plan(layers, pattern)
    lines = _totals(layers, pruned) if pruned else _plan_totals(rows)
    _print(model.name, rows, lines, print_fn)


def _rows_of_pruned(
    layers: Sequence[keras.layers.Layer], pruned: Sequence[PrunedLayer]
) -> list[_Row]:
    """Of a pruned model."""
    inner = [layer.layer if isinstance(layer, PrunedLayer) else layer for layer in layers]
    by_default = dense_by_default(inner)
    rows = []
    for layer, wrapped in zip(layers, inner, strict=True):
        if isinstance(layer, PrunedLayer):
            cells = [*_settings(layer.settings), f"{layer.sparsity:.1%}"]
            rows.append(_Row(wrapped, _kernel_shapes(layer), cells, ""))
        else:
            reason = why_not_pruned(layer, pruned[0].settings) or by_default.get(id(layer))
            rows.append(_Row(layer, _shapes(layer), (), reason or "it was not chosen"))
    return rows


def _rows_of_plan(layers: Sequence[keras.layers.Layer], pattern: Pattern) -> list[_Row]:
    """Of a model that is not pruned: what the default policy would do."""
    settings = PruningSettings(ConstantSparsity(0.0), pattern)  # of which only the pattern counts
    by_default = dense_by_default(layers)
    rows = []
    for layer in layers:
        reason = why_not_pruned(layer, settings) or by_default.get(id(layer))
        if reason is not None:
            rows.append(_Row(layer, _shapes(layer), (), reason))
            continue
        check_alignment(layer, settings)
        kernels = ", ".join(_shape(weight.variable) for weight in prunable_weights(layer))
        rows.append(_Row(layer, kernels, (str(pattern),), ""))
    return rows


def _settings(settings: PruningSettings) -> list[str]:
    return [
        str(settings.pattern),
        settings.pattern.resolve_method(settings.method),
        type(settings.scope).__name__,
        _short(settings.schedule),
    ]


def _short(schedule: Schedule) -> str:
    """A schedule in a few words."""
    match schedule:
        case ConstantSparsity():
            return f"{schedule.target_sparsity:.1%} from step {schedule.begin_step}"
        case PolynomialDecay(initial, final, begin, end):
            return f"{initial:.1%} to {final:.1%}, steps {begin} to {end}"
        case GivenMasks(None):
            return "as given"
        case GivenMasks(Schedule() as then):
            return f"as given, then {_short(then)}"
        case CustomSchedule():
            return getattr(schedule.function, "__name__", str(schedule.function))
    return str(schedule)


def _kernel_shapes(layer: PrunedLayer) -> str:
    return ", ".join(_shape(kernel.variable) for kernel in layer.kernels)


def _shapes(layer: keras.layers.Layer) -> str:
    return ", ".join(_shape(weight) for weight in layer.weights[:1])


def _shape(weight: keras.Variable) -> str:
    return "x".join(map(str, weight.shape))


def _count(weights: Sequence[keras.Variable]) -> int:
    return sum(math.prod(weight.shape) for weight in weights)


def _totals(layers: Sequence[keras.layers.Layer], pruned: Sequence[PrunedLayer]) -> str:
    kernels = [kernel.variable for layer in pruned for kernel in layer.kernels]
    own = [layer.layer if isinstance(layer, PrunedLayer) else layer for layer in layers]
    weights, inside = _count([each for layer in own for each in layer.weights]), _count(kernels)
    sparsity = overall_sparsity(pruned)
    return (
        f"{inside:,} of {weights:,} weights are in the kernels of {len(pruned)} pruned layers; "
        f"{sparsity:.1%} of them are zero, {sparsity * inside / weights:.1%} of all."
    )


def _plan_totals(rows: Sequence[_Row]) -> str:
    """In words that say that nothing is pruned yet."""
    would_be = [row.layer for row in rows if row.cells]
    return f"Not pruned; ubp.prune would prune {len(would_be)} of {len(rows)} layers with weights."


def _print(
    name: str, rows: Sequence[_Row], totals: str, print_fn: Callable[[str], object] | None
) -> None:
    columns = 3 + max(len(row.cells) for row in rows)
    table = Table(title=f"Pruning of model '{name}'", title_justify="left", header_style="bold",
                  pad_edge=False)  # fmt: skip
    for heading in _HEADINGS[:columns]:
        table.add_column(heading, overflow="fold")
    table.add_column("dense because", overflow="fold")
    for row in rows:
        cells = [*row.cells, *[""] * (columns - 3 - len(row.cells))]
        kind = type(row.layer).__name__
        style = "dim" if row.dense else None
        table.add_row(row.layer.name, kind, row.shape, *cells, row.dense, style=style)
    text = None if print_fn is None else io.StringIO()
    width = None if text is None and sys.stdout.isatty() else _WIDTH
    console = Console(file=text, width=width, highlight=False)
    console.print(table)
    console.print(totals)
    if print_fn is not None and text is not None:
        print_fn(text.getvalue())
