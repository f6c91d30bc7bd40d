"""The results as rows of tables, and the project's target."""

from __future__ import annotations

from collections.abc import Iterator

from bench.channels.report import METHODS, LayerResult, NetworkResult, Report, SpeedResult

GAIN_HEADINGS = ("network", "kernels", "layers", "kept", "chain", "hill climb", "least", "most")
PROOF_HEADINGS = (
    "network", "accuracy", "chain", "hill climb", "difference", "chain s", "hill climb s",
)  # fmt: skip
SPEED_HEADINGS = ("lanes x channels", "chain s", "hill climb s")
_TARGET_GAIN = 0.03
_POINTWISE = "1x1"


def gain_cells(result: NetworkResult) -> Iterator[list[str]]:
    """The rows of a network under GAIN_HEADINGS: one per size of kernel."""
    for kernel in dict.fromkeys(layer.kernel for layer in result.layers):
        layers = [layer for layer in result.layers if layer.kernel == kernel]
        climbs = [layer.gain("hill_climb") for layer in layers]
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
