"""Everything that one run measures, as data; to and from JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bench.harness.machine import Machine
from bench.layers.shapes import LayerShape


@dataclass(frozen=True)
class LayerResult:
    """One layer with one kernel family, number of threads, block size and sparsity.

    Times are medians over the rounds; each ratio is the median of the rounds' ratios.

    networks: that have the layer.
    family: kernels, such as "avx512".
    sparsity: percent of zeros.
    multiply_adds: of one inference, with weights that are kept.
    unaligned_us, aligned_us, xnnpack_us: microseconds of one inference with unaligned blocks, with
        as many aligned ones (None for blocks of 1), and of the dense layer in XNNPACK.
    to_aligned: unaligned over aligned time; None for blocks of 1.
    peak_share: multiply-adds per second, over those of a loop that does nothing else.
    speedup: XNNPACK's time over the unaligned one.
    """

    layer: LayerShape
    networks: list[str]
    family: str
    threads: int
    block_size: int
    sparsity: int
    multiply_adds: int
    unaligned_us: float
    aligned_us: float | None
    xnnpack_us: float
    to_aligned: float | None
    peak_share: float
    speedup: float

    @property
    def gflops(self) -> float:
        """10^9 operations per second, two for each multiply-add."""
        return 2 * self.multiply_adds / self.unaligned_us / 1e3


@dataclass(frozen=True)
class Report:
    """One run of the benchmark.

    date: when it began, ISO 8601, UTC.
    peaks: 10^9 operations per second of the loops of multiply-adds, by family and threads; medians.
    """

    date: str
    machine: Machine
    rounds: int
    peaks: dict[str, float]
    results: list[LayerResult]

    def to_json(self) -> dict[str, Any]:
        """For people's scripts too: names and GFLOP/s are included."""
        data = asdict(self)
        for entry, result in zip(data["results"], self.results, strict=True):
            entry["name"] = result.layer.name
            entry["gflops"] = result.gflops
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


def select(
    results: Sequence[LayerResult], block_size: int, sparsity: int, threads: int
) -> list[LayerResult]:
    """The results of one setting, of all kernel families."""
    wanted = (block_size, sparsity, threads)
    return [each for each in results if (each.block_size, each.sparsity, each.threads) == wanted]


def _result_from_json(entry: dict[str, Any]) -> LayerResult:
    fields = {name: value for name, value in entry.items() if name not in ("name", "gflops")}
    return LayerResult(**fields | {"layer": LayerShape(**fields["layer"])})
