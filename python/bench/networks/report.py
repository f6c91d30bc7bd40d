"""Everything that one run measures, as data; to and from JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from bench.harness.machine import Machine
from bench.harness.spread import Spread
from bench.networks.memory import Memory

_SPREADS = ("xnnpack_ms", "ubp_ms", "speedup")
_PEER_SPREADS = "peer_speedups"


@dataclass(frozen=True)
class PeerResult:
    """Another inference engine, in the same rounds.

    relative_error: largest difference to the same weights in XNNPACK, over the outputs' range.
    rounds_ms: the median of each round's block of inferences.
    """

    relative_error: float
    rounds_ms: list[float]


@dataclass(frozen=True)
class Result:
    """One network at one sparsity, with one number of threads.

    network: its name.
    input_size: height and width of the input in pixels.
    sparsity: percent of zeros in the pruned layers; 0: the network is neither pruned nor converted,
        and the delegate is told to take all that it can.
    threads: of both interpreters.
    converted_layers: layers that the converter made block-sparse.
    dense_bytes, ubp_bytes: sizes of the unpruned file, and of the one that UBP runs.
    relative_error: largest difference to the same weights in XNNPACK, over the outputs' range.
    xnnpack_memory, ubp_memory: what the unpruned network in XNNPACK, and UBP, add to a process.
    xnnpack_rounds_ms, ubp_rounds_ms: the median of each round's block of inferences.
    peers: other engines that were measured, by name.
    """

    network: str
    input_size: int
    sparsity: int
    threads: int
    converted_layers: int
    dense_bytes: int
    ubp_bytes: int
    relative_error: float
    xnnpack_memory: Memory
    ubp_memory: Memory
    xnnpack_rounds_ms: list[float]
    ubp_rounds_ms: list[float]
    peers: dict[str, PeerResult]

    @property
    def xnnpack_ms(self) -> Spread:
        """Of the unpruned network in XNNPACK."""
        return Spread.of(self.xnnpack_rounds_ms)

    @property
    def ubp_ms(self) -> Spread:
        """Of the network in UBP."""
        return Spread.of(self.ubp_rounds_ms)

    @property
    def speedup(self) -> Spread:
        """UBP over XNNPACK: of the ratios of the rounds."""
        return self._speedup(self.ubp_rounds_ms)

    @property
    def peer_speedups(self) -> dict[str, Spread]:
        """The same of the other engines, by name."""
        return {name: self._speedup(peer.rounds_ms) for name, peer in self.peers.items()}

    def _speedup(self, rounds_ms: list[float]) -> Spread:
        return Spread.of_ratios(self.xnnpack_rounds_ms, rounds_ms)


@dataclass(frozen=True)
class Report:
    """One run of the benchmark.

    date: when it began, ISO 8601, UTC.
    block_size, seed: of the pruning and of the random weights.
    blocks: inferences in one round, by the network's name.
    peers: other engines that took part: their packages and how each got its networks, by name.
    notes: sentences about what could not be measured.
    """

    date: str
    machine: Machine
    block_size: int
    seed: int
    rounds: int
    blocks: dict[str, int]
    peers: dict[str, str]
    notes: list[str]
    results: list[Result]

    def to_json(self) -> dict[str, Any]:
        """For people's scripts too: the summaries are included."""
        data = asdict(self)
        for entry, result in zip(data["results"], self.results, strict=True):
            for name in _SPREADS:
                entry[name] = asdict(getattr(result, name))
            speedups = result.peer_speedups.items()
            entry[_PEER_SPREADS] = {name: asdict(spread) for name, spread in speedups}
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Report:
        """The inverse of `to_json`.

        Raises:
            ValueError: if the results are of another version of the benchmark.
        """
        try:
            results = [_result_from_json(entry) for entry in data["results"]]
            return cls(**data | {"machine": Machine(**data["machine"]), "results": results})
        except (KeyError, TypeError) as error:
            raise ValueError(
                f"the results are of another version of this benchmark ({error}); run it again."
            ) from error


def _result_from_json(entry: dict[str, Any]) -> Result:
    fields = {
        name: value for name, value in entry.items() if name not in (*_SPREADS, _PEER_SPREADS)
    }
    for name in ("xnnpack_memory", "ubp_memory"):
        fields[name] = Memory(**fields[name])
    fields["peers"] = {name: PeerResult(**peer) for name, peer in fields["peers"].items()}
    return Result(**fields)
