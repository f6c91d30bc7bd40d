"""Everything that one run measures, as data; to and from JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from bench.harness.machine import Machine

METHODS = ("chain", "hill_climb")


@dataclass(frozen=True)
class LayerResult:
    """One layer whose channels were permuted.

    kernel: such as "1x1"; "dense" for a dense layer.
    lanes, channels: of its weights.
    total: sum of its absolute weights.
    before: what the optimal unaligned blocks keep of it in the order that it has.
    after: the same by the method of permuting.
    """

    name: str
    kernel: str
    lanes: int
    channels: int
    total: float
    before: float
    after: dict[str, float]

    def gain(self, method: str) -> float:
        """Importance kept after permuting over that before, less 1."""
        return self.after[method] / self.before - 1


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

    def to_json(self) -> dict[str, Any]:
        """For people's scripts too: gains are included."""
        data = asdict(self)
        for entry, network in zip(data["networks"], self.networks, strict=True):
            for row, layer in zip(entry["layers"], network.layers, strict=True):
                row["gain"] = {method: layer.gain(method) for method in METHODS}
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Report:
        """The inverse of `to_json`.

        Raises:
            ValueError: if the results are of another version of the benchmark.
        """
        try:
            networks = [_network_from_json(entry) for entry in data["networks"]]
            speeds = [SpeedResult(**entry) for entry in data["speeds"]]
            machine = Machine(**data["machine"])
            return cls(**data | {"machine": machine, "networks": networks, "speeds": speeds})
        except (KeyError, TypeError) as error:
            raise ValueError(
                f"the results are of another version of this benchmark ({error}); run it again."
            ) from error


def _network_from_json(entry: dict[str, Any]) -> NetworkResult:
    layers = [
        LayerResult(**{key: value for key, value in row.items() if key != "gain"})
        for row in entry["layers"]
    ]
    return NetworkResult(**entry | {"layers": layers})
