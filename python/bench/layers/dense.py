"""One dense convolution in XNNPACK, through the standard interpreter."""

from __future__ import annotations

import time
from statistics import median

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from bench.layers.shapes import LayerShape
from ubp.tflite.single_operator import single_convolution

_FEWEST_RUNS = 3
_REST_S = 0.003  # XNNPACK's threads wait for more work by spinning about so long


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
