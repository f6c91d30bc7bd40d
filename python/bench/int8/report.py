# SPDX-License-Identifier: Apache-2.0
"""What one run measures, as data, as rows of tables and as a section of the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, ClassVar

from bench.harness.machine import Machine
from bench.harness.networks import FULL
from bench.harness.statistics import Rounds
from bench.int8.layers import Layer

NETWORK_HEADINGS = (
    "network",
    "blocks",
    "zeros",
    "LiteRT ms",
    "UBP ms",
    "speed-up",
    "p10 - p90",
    "target",
    "file",
)
LAYER_HEADINGS = (
    "layer",
    "blocks",
    "zeros",
    "LiteRT us",
    "UBP us",
    "speed-up",
    "p10 - p90",
    "target",
)
LITERT, UBP = "LiteRT", "UBP"
BLOCK = 3  # inferences of a network in a round

_NETWORK_TARGETS = {
    "MobileNet": {80: 2.4, 90: 2.9, 95: 3.2},
    "MobileNetV2": {80: 1.8, 90: 2.1, 95: 2.3},
    "ResNet50": {80: 3.2, 90: 4.8, 95: 6.3},
}
_LAYER_TARGETS = {
    Layer(14, 512, 512): {80: 4.5, 90: 8.5, 95: 15.0},
    Layer(28, 256, 256): {80: 4.7, 90: 8.4, 95: 13.0},
    Layer(56, 128, 128): {80: 4.3, 90: 6.5, 95: 9.0},
    Layer(7, 1024, 1024): {80: 3.7, 90: 7.3, 95: 13.5},
    Layer(56, 64, 128): {80: 4.1, 90: 5.3, 95: 6.8},
}
_KERNEL_3 = {80: 4.2, 90: 8.4, 95: 15.0}
_DEPTHWISE = 2.8
_SIZE_SPARSITY, _SIZE_BLOCK, _SIZE = 80, 2, 0.24


@dataclass(frozen=True)
class NetworkResult(Rounds):
    """One network: LiteRT (XNNPACK) and UBP in the same rounds.

    block_size: output channels of a block; it has 4 inputs.
    sparsity: percent of zeros in the pruned layers.
    file_bytes, ubp_bytes: of the ordinary int8 file and the converted one.
    """

    ALSO_IN_JSON: ClassVar[tuple[str, ...]] = (*Rounds.ALSO_IN_JSON, "size", "target")

    network: str
    block_size: int
    sparsity: int
    file_bytes: int
    ubp_bytes: int

    @property
    def size(self) -> float:
        """The converted file over the ordinary one."""
        return self.ubp_bytes / self.file_bytes

    @property
    def target(self) -> float | None:
        """The speed-up that it should have, or None."""
        return _NETWORK_TARGETS.get(self.network, {}).get(self.sparsity)


@dataclass(frozen=True)
class LayerResult(Rounds):
    """One layer, likewise; block_size and sparsity are 0 of a depthwise one."""

    ALSO_IN_JSON: ClassVar[tuple[str, ...]] = (*Rounds.ALSO_IN_JSON, "target")

    layer: Layer
    block_size: int
    sparsity: int

    @property
    def target(self) -> float | None:
        """The speed-up that it should have, or None."""
        if self.layer.depthwise:
            return _DEPTHWISE
        targets = _KERNEL_3 if self.layer.kernel == 3 else _LAYER_TARGETS.get(self.layer, {})
        return targets.get(self.sparsity)


@dataclass(frozen=True)
class Report:
    """One run of the benchmark.

    date: when it began, ISO 8601, UTC.
    seed: of the random weights.
    rounds: in each of which LiteRT and UBP run one after the other.
    """

    date: str
    machine: Machine
    seed: int
    rounds: int
    networks: list[NetworkResult]
    layers: list[LayerResult]


def network_cells(result: NetworkResult) -> list[str]:
    """One row under NETWORK_HEADINGS."""
    return [
        result.network,
        f"{result.block_size}x4",
        f"{result.sparsity}%",
        f"{result.xnnpack_ms.median:.2f}",
        f"{result.ubp_ms.median:.2f}",
        *_speedup(result, result.target),
        f"{result.size:.3f}",
    ]


def layer_cells(result: LayerResult) -> list[str]:
    """One row under LAYER_HEADINGS."""
    depthwise = result.layer.depthwise
    return [
        result.layer.name,
        "-" if depthwise else f"{result.block_size}x4",
        "-" if depthwise else f"{result.sparsity}%",
        f"{1e3 * result.xnnpack_ms.median:.1f}",
        f"{1e3 * result.ubp_ms.median:.1f}",
        *_speedup(result, result.target),
    ]


def _speedup(result: Rounds, target: float | None) -> list[str]:
    spread = result.speedup
    return [
        f"{spread.median:.2f}x",
        f"{spread.p10:.2f} - {spread.p90:.2f}",
        "-" if target is None else f"{target}x",
    ]


def by_network(results: Sequence[NetworkResult]) -> list[list[NetworkResult]]:
    """The sections of a table."""
    return [list(group) for _, group in groupby(results, key=lambda result: result.network)]


def by_layer(results: Sequence[LayerResult]) -> list[list[LayerResult]]:
    """The sections of a table."""
    return [list(group) for _, group in groupby(results, key=lambda result: result.layer)]


def targets(report: Report) -> list[str]:
    """Lines on how many measurements meet their targets."""
    sized = [
        result
        for result in report.networks
        if (result.block_size, result.sparsity) == (_SIZE_BLOCK, _SIZE_SPARSITY)
    ]
    small = sum(result.size <= _SIZE for result in sized)
    what = f"converted files at most {_SIZE} of the ordinary int8 ones at {_SIZE_SPARSITY}%, 2x4"
    return [
        f"networks: {_met(report.networks)}",
        f"layers: {_met(report.layers)}",
        f"{what}: {small} of {len(sized)}" if sized else f"{what}: not measured",
    ]


def _met(results: Sequence[NetworkResult] | Sequence[LayerResult]) -> str:
    counted = [result for result in results if result.target is not None]
    met = sum(result.speedup.median >= (result.target or 0) for result in counted)
    return f"{met} of {len(counted)} as fast as they should be" if counted else "not measured"


def values(report: Report) -> dict[str, Any]:
    """For the template.

    Raises:
        ValueError: if a network is for quick runs only.
    """
    quick = [result.network for result in report.networks if result.network not in FULL]
    if quick:
        raise ValueError(f"the results are of {quick[0]}, which is for quick runs only.")
    return {
        "targets": targets(report),
        "network_headings": NETWORK_HEADINGS,
        "network_rows": [network_cells(result) for result in report.networks],
        "layer_headings": LAYER_HEADINGS,
        "layer_rows": [layer_cells(result) for result in report.layers],
        "block": BLOCK,
    }
