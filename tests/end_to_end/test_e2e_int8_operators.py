# SPDX-License-Identifier: Apache-2.0
"""Single int8 operators, drawn at random: in the delegate what the interpreter gives, each bit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter as StandardInterpreter
from int8_models import quantize_tensor

import ubp
from fuzz.builder import ModelBuilder, SubgraphBuilder
from ubp.runtime.decisions import delegate_report

OP = schema.BuiltinOperator
VALID, SAME = schema.Padding.VALID, schema.Padding.SAME
# "auto" leaves int8 where the processor has no dot products of it.
KERNELS = ("portable", "auto")


@dataclass
class Model:
    """One operator in the making, and what it reads: any bytes."""

    graph: SubgraphBuilder
    x: int

    @classmethod
    def of(cls, shape: list[int], scale: float, zero_point: int) -> Model:
        graph = ModelBuilder().subgraph()
        model = cls(graph, graph.input(shape, "int8"))
        quantize_tensor(graph, model.x, scale, zero_point)
        return model

    def end(
        self,
        code: int,
        inputs: list[int],
        shape: list[int],
        quantization: tuple[float, int],
        options: Any,
    ) -> bytes:
        output = self.graph.tensor(shape, "output", "int8")
        quantize_tensor(self.graph, output, *quantization)
        kind = getattr(schema.BuiltinOptions, type(options).__name__.removesuffix("T"))
        self.graph.output(self.graph.operator(code, inputs, output, options, kind))
        return self.graph.model.build()


def resize(rng: np.random.Generator, to: list[int] | None = None) -> bytes:
    shape = [int(rng.integers(1, 3)), *(int(n) for n in rng.integers(1, 20, 3))]
    to = to or [int(n) for n in rng.integers(1, 40, 2)]
    model = Model.of(shape, 0.1, 5)
    corners, centers = ((False, False), (False, True), (True, False))[rng.integers(3)]
    options = schema.ResizeBilinearOptionsT(alignCorners=corners, halfPixelCenters=centers)
    size = model.graph.constant(np.array(to, np.int32), "size")
    inputs = [model.x, size]
    return model.end(OP.RESIZE_BILINEAR, inputs, [shape[0], *to, shape[3]], (0.1, 5), options)


def transpose_conv(
    rng: np.random.Generator,
    kernel: tuple[int, int] | None = None,
    padding: int | None = None,
) -> bytes:
    """Of SAME padding with a kernel as large as the strides at least, if that is not given."""
    batch, height, width, in_channels = (int(n) for n in rng.integers(1, [3, 8, 8, 20]))
    strides = [int(n) for n in rng.integers(1, 4, 2)] if kernel is None else [2, 2]
    padding = int(rng.integers(2)) if padding is None else padding
    least = strides if padding == SAME else [1, 1]
    kernel_h, kernel_w = kernel or (int(rng.integers(n, 6)) for n in least)
    channels = int(rng.integers(1, 20))
    sizes = zip([height, width], [kernel_h, kernel_w], strides, strict=True)
    to = [(n - 1) * s + (k if padding == VALID else s) for n, k, s in sizes]
    model = Model.of([batch, height, width, in_channels], 0.05, int(rng.integers(-128, 128)))
    weights = rng.integers(-127, 128, (channels, kernel_h, kernel_w, in_channels))
    weights *= rng.random(weights.shape) < rng.choice([1.0, 0.3])
    scales = rng.uniform(0.001, 0.02, channels if rng.random() < 0.7 else 1).astype(np.float32)
    if rng.random() < 0.3:  # for ties
        scales = np.exp2(np.round(np.log2(scales)))
    graph = model.graph
    inputs = [
        graph.constant(np.array([batch, *to, channels], np.int32), "shape"),
        graph.constant(weights.astype(np.int8), "weights"),
        model.x,
    ]
    quantize_tensor(graph, inputs[1], scales)
    if rng.random() < 0.7:
        inputs.append(graph.constant(rng.integers(-999, 999, channels).astype(np.int32), "bias"))
        quantize_tensor(graph, inputs[3], np.float32(0.05) * scales)
    options = schema.TransposeConvOptionsT(
        padding=padding,
        strideH=strides[0],
        strideW=strides[1],
        fusedActivationFunction=int(rng.integers(4)),
    )
    shape = [batch, *to, channels]
    return model.end(OP.TRANSPOSE_CONV, inputs, shape, (0.25, -5), options)


def softmax(rng: np.random.Generator) -> bytes:
    shape = [int(rng.integers(1, 4)), int(rng.choice([1, 2, 10, 16, 33, 1000]))]
    model = Model.of(shape, float(np.exp2(rng.uniform(-9, 1))), int(rng.integers(-128, 128)))
    options = schema.SoftmaxOptionsT(beta=float(rng.choice([1.0, 0.5, 3.0])))
    return model.end(OP.SOFTMAX, [model.x], shape, (1 / 256, -128), options)


def pad(rng: np.random.Generator, value_scale: float = 0.1) -> bytes:
    """By any int8, often the zero point or the least."""
    zero_point = int(rng.choice([-128, 127, rng.integers(-128, 128)]))
    value = int(rng.choice([-128, zero_point, rng.integers(-128, 128)]))
    amounts = rng.integers(0, 4, (4, 2)).astype(np.int32) * [[0], [1], [1], [0]]
    shape = [int(n) for n in rng.integers(1, [3, 9, 9, 20])]
    model = Model.of(shape, 0.1, zero_point)
    table = model.graph.constant(amounts.astype(np.int32), "amounts")
    around = model.graph.constant(np.array([value], np.int8), "around")
    quantize_tensor(model.graph, around, value_scale, zero_point)
    to = [int(n) for n in np.array(shape) + amounts.sum(axis=1)]
    options = schema.PadV2OptionsT()
    return model.end(OP.PADV2, [model.x, table, around], to, (0.1, zero_point), options)


OPERATORS: dict[str, Callable[[np.random.Generator], bytes]] = {
    "resize": resize,
    "transpose_conv": transpose_conv,
    "softmax": softmax,
    "pad": pad,
}


def given(model: bytes, rng: np.random.Generator) -> np.ndarray:
    """Any bytes, or numbers near to each other."""
    interpreter = StandardInterpreter(model_content=model)
    shape = interpreter.get_input_details()[0]["shape"]
    if rng.random() < 0.5:
        return rng.integers(-128, 128, shape, np.int8)
    return np.rint(rng.normal(0, 10, shape)).clip(-128, 127).astype(np.int8)


@pytest.mark.parametrize("name", OPERATORS)
def test_each_is_the_interpreters(name: str, run: Any) -> None:
    rng = np.random.default_rng(len(name))
    varied = 0
    for number in range(120):
        model = OPERATORS[name](rng)
        x = given(model, rng)
        (right,) = run(StandardInterpreter(model_content=model), [x])
        (node,) = delegate_report(model, take="all", kernel="portable").nodes
        assert node.taken, node.reason
        for kernel in KERNELS:
            ours = ubp.Interpreter(model, num_threads=1 + number % 3, take="all", kernel=kernel)
            np.testing.assert_array_equal(run(ours, [x])[0], right, f"number {number}, {kernel}")
        varied += len(np.unique(right)) > 5
    assert varied > 40


def test_places_are_rounded_as_the_processor_does(run: Any) -> None:
    """With pixels' centers, in sizes at which products and sums rounded once differ."""
    for height, to in ((5, 547), (8, 379), (11, 750), (14, 435)):
        model = Model.of([1, height, 2, 8], 0.1, 5)
        size = model.graph.constant(np.array([to, 3], np.int32), "size")
        options = schema.ResizeBilinearOptionsT(halfPixelCenters=True)
        shape = [1, to, 3, 8]
        data = model.end(OP.RESIZE_BILINEAR, [model.x, size], shape, (0.1, 5), options)
        x = np.random.default_rng(0).choice([-128, 127], (1, height, 2, 8)).astype(np.int8)
        (right,) = run(StandardInterpreter(model_content=data), [x])
        for kernel in KERNELS:
            ours = ubp.Interpreter(data, num_threads=1, take="all", kernel=kernel)
            np.testing.assert_array_equal(run(ours, [x])[0], right)


def test_padding_of_another_scale_is_left() -> None:
    model = pad(np.random.default_rng(0), 0.2)
    (node,) = delegate_report(model, take="all", kernel="portable").nodes
    assert not node.taken
    assert "an int8 input with the scale 0.2" in node.reason


def test_a_transposed_convolution_that_xnnpack_does_not_take_is_left() -> None:
    rng = np.random.default_rng(0)
    small = transpose_conv(rng, (1, 2), SAME)
    (node,) = delegate_report(small, take="all", kernel="portable").nodes
    assert not node.taken
    assert node.reason == "an int8 kernel of 1 x 2 with strides of 2 x 2 and SAME padding."
    for padding, kernel in ((VALID, (1, 2)), (SAME, (2, 2))):
        model = transpose_conv(rng, kernel, padding)
        (node,) = delegate_report(model, take="all", kernel="portable").nodes
        assert node.taken
