# SPDX-License-Identifier: Apache-2.0
"""One layer through the delegate's kernels and, dense, through XNNPACK, taking turns."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter

from bench.harness.program import PROGRAM, BenchmarkProgram
from bench.kernels.layers import LayerShape, Pattern
from bench.kernels.report import LayerResult
from ubp.tflite.single_operator import single_convolution
from ubp.timing.interleaved import BlockTimer, interleave

BLOCK_MS = 2.0  # what each measurement of a round takes at least
_PEAK, _XNNPACK = "peak", "XNNPACK"
_FEWEST_RUNS = 3
_REST_S = 0.003  # XNNPACK's threads wait for more work by spinning about so long

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


# ---- the delegate's kernels --------------------------------------------------------------------


@dataclass(frozen=True)
class Timed:
    """Something that the program times.

    time: runs blocks, and returns the milliseconds of one run: each block's median.
    multiply_adds: of one run.
    """

    time: BlockTimer
    multiply_adds: int


class KernelProgram(BenchmarkProgram):
    """delegate/bench/kernel_benchmark, which `./run build` builds; ends with the `with` block.

    Args:
        block_ms: what a block takes at least.
        program: the executable.

    Raises:
        FileNotFoundError: if it is missing.
    """

    def __init__(self, block_ms: float, program: Path = PROGRAM) -> None:
        super().__init__("kernels", program)
        self._block_ms = block_ms

    def load(
        self, shape: LayerShape, stems: Sequence[Path], family: str, threads: int
    ) -> list[Timed]:
        """Prepare a layer; what was loaded before is forgotten.

        Args:
            stems: one for each set of weights, see `write_weights`.
            family: which kernels.

        Raises:
            RuntimeError: if the program refuses, in its own words.
        """
        form = "image" if shape.first else "planes"
        words = ["layer", family, threads, shape.in_h, shape.in_w, form, *stems]
        counts = self.ask(" ".join(map(str, words)))["multiply_adds"]
        return [Timed(partial(self._time, f"time {i}"), count) for i, count in enumerate(counts)]

    def peak(self) -> Timed:
        """The multiply-adds that the loaded layer's kernels and threads could do at best."""
        return Timed(partial(self._time, "peak"), self.ask("peak 0")["multiply_adds"])

    def _time(self, command: str, blocks: int) -> list[float]:
        answers = [self.ask(f"{command} {self._block_ms}") for _ in range(blocks)]
        return [answer["ns"] / 1e6 for answer in answers]


# ---- XNNPACK -----------------------------------------------------------------------------------


class DenseLayer:
    """A layer with random weights and input.

    Args:
        block_ms: what a block takes at least.
    """

    def __init__(self, shape: LayerShape, threads: int, block_ms: float) -> None:
        self._interpreter = Interpreter(model_content=one_layer(shape), num_threads=threads)
        self._interpreter.allocate_tensors()
        (detail,) = self._interpreter.get_input_details()
        values = np.random.default_rng(0).uniform(-1, 1, detail["shape"]).astype(np.float32)
        self._interpreter.set_tensor(detail["index"], values)
        self._block_ms = block_ms
        self._rest_s = _REST_S if threads > 1 else 0.0

    def time(self, blocks: int) -> list[float]:
        """Milliseconds of one inference: the median of each block, after one inference untimed."""
        return [self._time_block() for _ in range(blocks)]

    def _time_block(self) -> float:
        self._interpreter.invoke()
        begin = last = time.perf_counter_ns()
        times: list[int] = []
        while len(times) < _FEWEST_RUNS or last - begin < self._block_ms * 1e6:
            self._interpreter.invoke()
            now = time.perf_counter_ns()
            times.append(now - last)
            last = now
        time.sleep(self._rest_s)
        return median(times) / 1e6


def one_layer(shape: LayerShape) -> bytes:
    """A .tflite file of one CONV_2D with random weights."""
    kernel = np.random.default_rng(0).standard_normal(
        (shape.out_c, shape.kernel, shape.kernel, shape.in_c), np.float32
    )
    return single_convolution(kernel, shape.in_h, shape.in_w, shape.stride, shape.same)
