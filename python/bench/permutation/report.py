# SPDX-License-Identifier: Apache-2.0
"""What one run measures, as data, as rows of tables, as a section of the page and as a picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from matplotlib.figure import Figure

from bench.harness import picture
from bench.harness.machine import Machine

METHODS = ("chain", "hill_climb")
GAIN_HEADINGS = ("network", "kernels", "layers", "kept", "chain", "hill climb", "least", "most")
PROOF_HEADINGS = (
    "network", "accuracy", "chain", "hill climb", "difference", "chain s", "hill climb s",
)  # fmt: skip
SPEED_HEADINGS = ("lanes x channels", "chain s", "hill climb s")
_TARGET_GAIN = 0.03
_POINTWISE = "1x1"
_TITLES = {"chain": "chain", "hill_climb": "hill climb"}
_MARKERS = {"1x1": "o", "3x3": "s", "dense": "D"}
_OTHER_MARKER = "^"


@dataclass(frozen=True)
class LayerResult:
    """One layer whose channels were permuted.

    kernel: such as "1x1"; "dense" for a dense layer.
    lanes, channels: of its weights.
    total: sum of its absolute weights.
    before: what the optimal unaligned blocks keep of it in the order that it has.
    after: the same by the method of permuting.
    """

    ALSO_IN_JSON: ClassVar[tuple[str, ...]] = ("gain",)

    name: str
    kernel: str
    lanes: int
    channels: int
    total: float
    before: float
    after: dict[str, float]

    @property
    def gain(self) -> dict[str, float]:
        """Importance kept after permuting over that before, less 1, by the method."""
        return {method: after / self.before - 1 for method, after in self.after.items()}


@dataclass(frozen=True)
class NetworkResult:
    """One network with one set of weights; the dictionaries are by the method of permuting.

    trained: whether its weights are trained or random.
    accuracy: share of test images read correctly; None for random weights.
    accuracy_after: the same of the permuted networks.
    difference: largest difference of outputs on random inputs, relative to the largest output.
    seconds: that permuting took, the comparison of the networks included.
    layers: those that were counted and are free to move.
    """

    network: str
    trained: bool
    accuracy: float | None
    accuracy_after: dict[str, float] | None
    difference: dict[str, float]
    seconds: dict[str, float]
    layers: list[LayerResult]

    @property
    def label(self) -> str:
        """Network and weights."""
        return f"{self.network}, {'trained' if self.trained else 'random'}"


@dataclass(frozen=True)
class SpeedResult:
    """How long it takes to find an order for one layer of random weights; medians of the rounds.

    seconds: by the method.
    """

    lanes: int
    channels: int
    seconds: dict[str, float]


@dataclass(frozen=True)
class Report:
    """One run of the benchmark.

    date: when it began, ISO 8601, UTC.
    rounds: how often each time was taken.
    """

    date: str
    machine: Machine
    block_size: int
    sparsity: float
    seed: int
    rounds: int
    networks: list[NetworkResult]
    speeds: list[SpeedResult]


# ---- rows ----------------------------------------------------------------------------------------


def gain_cells(result: NetworkResult) -> Iterator[list[str]]:
    """The rows of a network under GAIN_HEADINGS: one per size of kernel."""
    for kernel in dict.fromkeys(layer.kernel for layer in result.layers):
        layers = [layer for layer in result.layers if layer.kernel == kernel]
        climbs = [layer.gain["hill_climb"] for layer in layers]
        yield [
            result.label,
            kernel,
            str(len(layers)),
            f"{_sum(layers, 'before') / _sum(layers, 'total'):.1%}",
            *(f"{total_gain(layers, method):+.1%}" for method in METHODS),
            f"{min(climbs):+.1%}",
            f"{max(climbs):+.1%}",
        ]


def proof_cells(result: NetworkResult) -> list[str]:
    """One row under PROOF_HEADINGS."""
    accuracies = ["-"] * (1 + len(METHODS))
    if result.accuracy is not None and result.accuracy_after is not None:
        figures = [result.accuracy, *(result.accuracy_after[method] for method in METHODS)]
        accuracies = [f"{figure:.1%}" for figure in figures]
    return [
        result.label,
        *accuracies,
        f"{max(result.difference.values()):.0e}",
        *(f"{result.seconds[method]:.1f}" for method in METHODS),
    ]


def speed_cells(result: SpeedResult) -> list[str]:
    """One row under SPEED_HEADINGS."""
    times = (f"{result.seconds[method]:.3f}" for method in METHODS)
    return [f"{result.lanes}x{result.channels}", *times]


def total_gain(layers: list[LayerResult], method: str) -> float:
    """Importance that layers keep together after permuting, over that before, less 1."""
    return sum(layer.after[method] for layer in layers) / _sum(layers, "before") - 1


def targets(report: Report) -> list[str]:
    """A line on each network with trained weights and 1x1 layers."""
    lines = []
    for result in report.networks:
        layers = [layer for layer in result.layers if layer.kernel == _POINTWISE]
        if result.trained and layers:
            gain = total_gain(layers, "hill_climb")
            verdict = "met" if gain >= _TARGET_GAIN else "missed"
            lines.append(
                f"trained 1x1 layers of {result.network} keep {gain:+.1%} importance; target: at "
                f"least {_TARGET_GAIN:+.0%}; {verdict}"
            )
    return lines


def _sum(layers: list[LayerResult], figure: str) -> float:
    return float(sum(getattr(layer, figure) for layer in layers))


# ---- section and picture -------------------------------------------------------------------------


def values(report: Report) -> dict[str, Any]:
    """For the template."""
    return {
        "targets": targets(report),
        "gain_headings": GAIN_HEADINGS,
        "gain_rows": [row for result in report.networks for row in gain_cells(result)],
        "proof_headings": PROOF_HEADINGS,
        "proof_rows": [proof_cells(result) for result in report.networks],
        "speed_headings": SPEED_HEADINGS,
        "speed_rows": [speed_cells(result) for result in report.speeds],
    }


def draw(path: Path, report: Report) -> None:
    """The gains of every layer by the method of permuting, one panel per network."""
    shown = [result for result in report.networks if result.layers]
    columns = 2 if any(result.trained for result in shown) and len(shown) > 1 else 1
    rows = -(-len(shown) // columns)
    figure = Figure(figsize=(8 * columns, 1 + 3.2 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, sharey=True)
    for axes in panels.flat[len(shown) :]:
        axes.set_visible(False)
    for axes, result in zip(panels.flat, shown, strict=False):
        _draw_network(axes, result)
    for axes in panels[:, 0]:
        axes.set_ylabel("more importance kept, %")
    figure.suptitle(
        f"Channels permuted: what the optimal unaligned blocks of {report.block_size} keep at "
        f"{report.sparsity:.0%} zeros, over the original order"
    )
    by_label: dict[str, Any] = {}
    for axes in panels.flat:
        handles, labels = axes.get_legend_handles_labels()
        by_label |= dict(zip(labels, handles, strict=True))
    figure.legend(
        handles=list(by_label.values()),
        labels=list(by_label),
        loc="outside lower center",
        ncols=len(METHODS),
        frameon=False,
    )
    picture.save(figure, path)


def _draw_network(axes: Any, result: NetworkResult) -> None:
    for method, colour in zip(METHODS, picture.SERIES, strict=False):
        for kernel in dict.fromkeys(layer.kernel for layer in result.layers):
            points = [
                (place, 100 * layer.gain[method])
                for place, layer in enumerate(result.layers)
                if layer.kernel == kernel
            ]
            axes.plot(
                *zip(*points, strict=True),
                _MARKERS.get(kernel, _OTHER_MARKER),
                color=colour,
                markersize=5,
                label=f"{_TITLES[method]}, {kernel}",
            )
    axes.axhline(0, color=picture.LINES, linewidth=1, linestyle="--")
    axes.set_title(result.label, fontsize=11)
    axes.set_xlabel("layer; those that share an order are side by side")
    axes.grid(axis="y", color=picture.GRID, linewidth=0.5)
    axes.spines[["top", "right"]].set_visible(False)
