"""One dense convolution in XNNPACK, through the standard interpreter."""

from __future__ import annotations

import time
from statistics import median

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from bench.layers.shapes import LayerShape
from ubp.convert.flatbuffer import serialize

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
    rng = np.random.default_rng(0)
    kernel = rng.standard_normal((shape.out_c, shape.kernel, shape.kernel, shape.in_c), np.float32)
    arrays = [kernel, np.zeros(shape.out_c, np.float32)]
    dimensions = {
        "input": (1, shape.in_h, shape.in_w, shape.in_c),
        "output": (1, shape.out_h, shape.out_w, shape.out_c),
        "kernel": kernel.shape,
        "bias": (shape.out_c,),
    }
    tensors = [
        schema.TensorT(shape=list(size), type=schema.TensorType.FLOAT32, name=name, buffer=buffer)
        for (name, size), buffer in zip(dimensions.items(), (0, 0, 1, 2), strict=True)
    ]
    options = schema.Conv2DOptionsT(
        padding=schema.Padding.SAME if shape.same else schema.Padding.VALID,
        strideH=shape.stride,
        strideW=shape.stride,
        dilationHFactor=1,
        dilationWFactor=1,
    )
    operator = schema.OperatorT(
        opcodeIndex=0,
        inputs=[0, 2, 3],
        outputs=[1],
        builtinOptions=options,
        builtinOptionsType=schema.BuiltinOptions.Conv2DOptions,
    )
    code = schema.BuiltinOperator.CONV_2D
    model = schema.ModelT(
        version=3,
        operatorCodes=[schema.OperatorCodeT(builtinCode=code, deprecatedBuiltinCode=code)],
        subgraphs=[
            schema.SubGraphT(tensors=tensors, inputs=[0], outputs=[1], operators=[operator])
        ],
        buffers=[
            schema.BufferT(),
            *(schema.BufferT(data=np.frombuffer(array.tobytes(), np.uint8)) for array in arrays),
        ],
    )
    return serialize(model)
