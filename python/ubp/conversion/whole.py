# SPDX-License-Identifier: Apache-2.0
"""Whole: a network's predicted time, where its layers were measured in place.

What a layer gains in place is decided by itself (decide.py). Whether the network gains by all of
them together is seen here only: beside the layers there is what the delegate does with the rest of
it, and the dense network need not pay for that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ubp.conversion.decide import Decision, shape_of
from ubp.costs import Costs
from ubp.latency import LatencyModel, MeasuredNetwork

THRESHOLDS = (0.0, 1.0, 1.1, 1.5, 2.0)


@dataclass(frozen=True)
class Threshold:
    """What the network would take if the layers that gain at least this were converted.

    min_speedup: of a layer.
    taken: how many layers.
    us: microseconds of an inference.
    """

    min_speedup: float
    taken: int
    us: float


@dataclass(frozen=True)
class NetworkTimes:
    """Microseconds of an inference.

    dense_us: of the dense network in the standard interpreter, measured.
    us: of the converted one, predicted.
    thresholds: what others than the asked for would give.
    """

    dense_us: float
    us: float
    thresholds: tuple[Threshold, ...]


def network_times(decisions: Sequence[Decision], costs: Costs) -> NetworkTimes | None:
    """The times of a network; None where these costs are not of it.

    Args:
        decisions: on all layers.
        costs: what they were made with.
    """
    if not isinstance(costs, LatencyModel) or costs.network is None:
        return None
    network = costs.network
    measured = [each for each in decisions if _is_measured(each, network)]
    if len(measured) < len(network.layers):
        return None

    def us(taken: Sequence[Decision]) -> float:
        return _us(measured, taken, network, costs)

    candidates = [each for each in measured if each.blocks is not None]
    thresholds = []
    for least in THRESHOLDS:
        taken = [each for each in candidates if (each.speedup or 0.0) >= least]
        thresholds.append(Threshold(least, len(taken), us(taken)))
    return NetworkTimes(
        network.dense_us, us([each for each in measured if each.taken]), tuple(thresholds)
    )


def without_loss(decisions: Sequence[Decision], times: NetworkTimes | None) -> list[Decision]:
    """The decisions; all layers stay where the network would be no faster for them."""
    if times is None or times.us < times.dense_us:
        return list(decisions)
    reason = (
        f"the network is predicted to take {times.us / 1e3:.3f} ms with its blocks, and takes "
        f"{times.dense_us / 1e3:.3f} ms dense"
    )
    return [replace(each, taken=False, reason=reason) if each.taken else each for each in decisions]


def _is_measured(decision: Decision, network: MeasuredNetwork) -> bool:
    candidate = decision.layer.candidate
    if candidate is None:
        return False
    return network.layer(decision.layer.name, shape_of(candidate)) is not None


def _us(
    measured: Sequence[Decision],
    taken: Sequence[Decision],
    network: MeasuredNetwork,
    costs: LatencyModel,
) -> float:
    """The time of the network with blocks in some layers."""
    if not taken:
        return network.dense_us
    total = network.fixed_us
    for each in measured:
        assert each.layer.candidate is not None and each.blocks is not None
        shape, name = shape_of(each.layer.candidate), each.layer.name
        if any(each is other for other in taken):
            blocks = each.blocks.count * each.blocks.block_lanes
            total += costs.sparse(shape, each.blocks.size, blocks, name)
        else:
            total += costs.dense(shape, name)
    return total
