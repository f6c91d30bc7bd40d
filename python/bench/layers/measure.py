"""One layer through the delegate's kernels and, dense, through XNNPACK, interleaved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.layers.dense import DenseLayer
from bench.layers.program import KernelProgram
from bench.layers.report import LayerResult
from bench.layers.shapes import LayerShape
from bench.layers.weights import Pattern
from ubp.timing.interleaved import interleave

BLOCK_MS = 2.0  # what each measurement of a round takes at least
_PEAK, _XNNPACK = "peak", "XNNPACK"

Rounds = npt.NDArray[np.float64]  # [rounds]


@dataclass(frozen=True)
class LayerTimes:
    """One layer, one kernel family and one number of threads, measured.

    networks: that have the layer.
    milliseconds: of one inference in each round, by the pattern of the weights.
    multiply_adds: of one inference, likewise.
    xnnpack: milliseconds of the dense layer.
    peak: multiply-adds per millisecond that the family could do at best.
    """

    layer: LayerShape
    networks: list[str]
    family: str
    threads: int
    milliseconds: dict[Pattern, Rounds]
    multiply_adds: dict[Pattern, int]
    xnnpack: Rounds
    peak: Rounds

    @property
    def peak_gflops(self) -> float:
        """10^9 operations per second, two for each multiply-add."""
        return 2 * float(np.median(self.peak)) / 1e6

    def results(self) -> list[LayerResult]:
        """One for each unaligned pattern."""
        return [self._result(pattern) for pattern in self.milliseconds if not pattern.aligned]

    def _result(self, pattern: Pattern) -> LayerResult:
        unaligned = self.milliseconds[pattern]
        aligned = self.milliseconds.get(Pattern(pattern.block_size, pattern.sparsity, True))
        count = self.multiply_adds[pattern]
        return LayerResult(
            layer=self.layer,
            networks=self.networks,
            family=self.family,
            threads=self.threads,
            block_size=pattern.block_size,
            sparsity=pattern.sparsity,
            multiply_adds=count,
            unaligned_us=_median(unaligned * 1e3),
            aligned_us=None if aligned is None else _median(aligned * 1e3),
            xnnpack_us=_median(self.xnnpack * 1e3),
            to_aligned=None if aligned is None else _median(unaligned / aligned),
            peak_share=_median(count / unaligned / self.peak),
            speedup=_median(self.xnnpack / unaligned),
        )


def measure(
    program: KernelProgram,
    layer: LayerShape,
    networks: list[str],
    weights: Mapping[Pattern, Path],
    family: str,
    threads: int,
    rounds: int,
) -> LayerTimes:
    """Time one layer with all its weights, dense in XNNPACK, and the peak, all taking turns.

    Args:
        weights: the files of each pattern, see `write_weights`.
        rounds: how often each is timed.
    """
    loaded = program.load(layer, list(weights.values()), family, threads)
    timed = dict(zip(weights, loaded, strict=True))
    peak = program.peak()
    timers = {
        _PEAK: peak.time,
        **{pattern.name: each.time for pattern, each in timed.items()},
        _XNNPACK: DenseLayer(layer, threads, BLOCK_MS).time,
    }
    times = interleave(timers, rounds, block=1, progress=False).block_medians_ms
    return LayerTimes(
        layer=layer,
        networks=networks,
        family=family,
        threads=threads,
        milliseconds={pattern: times[pattern.name] for pattern in timed},
        multiply_adds={pattern: each.multiply_adds for pattern, each in timed.items()},
        xnnpack=times[_XNNPACK],
        peak=peak.multiply_adds / times[_PEAK],
    )


def _median(values: Rounds) -> float:
    return float(np.median(values))
