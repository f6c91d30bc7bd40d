# SPDX-License-Identifier: Apache-2.0
"""Padding on any side, and whatever inputs are resized to, against the plain interpreter.

Each case is a small model and the shapes that its inputs get, run after run. What the delegate
computes is what the interpreter computes alone, without XNNPACK; where that refuses, so does the
delegate.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter as StandardInterpreter
from ai_edge_litert.interpreter import OpResolverType

import ubp
from fuzz.builder import ModelBuilder, SubgraphBuilder

OPERATOR, OPTIONS = schema.BuiltinOperator, schema.BuiltinOptions
Shapes = list[list[int]]


class Graph:
    """A chain: `x` is the tensor that the next operator reads."""

    def __init__(self, *shapes: list[int]) -> None:
        self.model = ModelBuilder()
        self.graph: SubgraphBuilder = self.model.subgraph()
        self.inputs = [self.graph.input(shape) for shape in shapes]
        self.x = self.inputs[0]
        self.rng = np.random.default_rng(0)

    def shape(self) -> list[int]:
        return self.graph.shape(self.x)

    def floats(self, *shape: int) -> int:
        values = self.rng.standard_normal(shape).astype(np.float32)
        return self.graph.constant(values, f"constant{len(self.graph.graph.tensors)}")

    def conv(
        self,
        channels: int,
        kernel: int = 1,
        *,
        stride: int = 1,
        dilation: int = 1,
        valid: bool = True,
        depthwise: bool = False,
    ) -> Graph:
        c = self.shape()[3]
        weights = [1, kernel, kernel, c] if depthwise else [channels, kernel, kernel, c]
        self.x = self.graph.conv(
            self.x,
            self.floats(*weights),
            self.floats(c if depthwise else channels),
            stride=stride,
            dilation=dilation,
            valid=valid,
            depthwise=depthwise,
        )
        return self

    def add(
        self, code: int, inputs: list[int], shape: list[int], options: object, kind: int
    ) -> Graph:
        output = self.graph.tensor(shape, f"t{len(self.graph.graph.tensors)}")
        self.x = self.graph.operator(code, inputs, output, options, kind)
        return self

    def pad(
        self, top: int, bottom: int, left: int, right: int, value: float | None = None
    ) -> Graph:
        """PAD, or PADV2 with the value."""
        n, h, w, c = self.shape()
        table = np.array([[0, 0], [top, bottom], [left, right], [0, 0]], np.int32)
        inputs = [self.x, self.graph.constant(table, f"pads{self.x}")]
        shape = [n, h + top + bottom, w + left + right, c]
        if value is None:
            return self.add(OPERATOR.PAD, inputs, shape, schema.PadOptionsT(), OPTIONS.PadOptions)
        inputs.append(self.graph.constant(np.array(value, np.float32), f"value{self.x}"))
        return self.add(OPERATOR.PADV2, inputs, shape, schema.PadV2OptionsT(), OPTIONS.PadV2Options)

    def pool(self, size: int, stride: int, code: int = OPERATOR.MAX_POOL_2D) -> Graph:
        options = schema.Pool2DOptionsT(
            padding=1, strideH=stride, strideW=stride, filterHeight=size, filterWidth=size
        )
        shape = self.graph.window(self.x, size, stride, 1, True, self.shape()[3])
        return self.add(code, [self.x], shape, options, OPTIONS.Pool2DOptions)

    def sum(self, *inputs: int) -> Graph:
        operands = list(inputs) or [self.x, self.x]
        return self.add(
            OPERATOR.ADD, operands, self.shape(), schema.AddOptionsT(), OPTIONS.AddOptions
        )

    def softmax(self) -> Graph:
        options = schema.SoftmaxOptionsT(beta=1.0)
        return self.add(OPERATOR.SOFTMAX, [self.x], self.shape(), options, OPTIONS.SoftmaxOptions)

    def twice(self, axis: int) -> Graph:
        shape = self.shape()[:]
        shape[axis] *= 2
        options = schema.ConcatenationOptionsT(axis=axis)
        kind = OPTIONS.ConcatenationOptions
        return self.add(OPERATOR.CONCATENATION, [self.x, self.x], shape, options, kind)

    def reshape(self, shape: list[int], sizes: list[int]) -> Graph:
        inputs = [self.x, self.graph.constant(np.array(sizes, np.int32), f"shape{self.x}")]
        options = schema.ReshapeOptionsT(newShape=sizes)
        return self.add(OPERATOR.RESHAPE, inputs, shape, options, OPTIONS.ReshapeOptions)

    def mean(self, *axes: int, keep: bool = False) -> Graph:
        """Over height and width, if the axes are not given."""
        axes = axes or (1, 2)
        shape = [1 if i in axes else size for i, size in enumerate(self.shape())]
        if not keep:
            shape = [size for i, size in enumerate(self.shape()) if i not in axes]
        inputs = [self.x, self.graph.constant(np.array(axes, np.int32), f"axes{self.x}")]
        options = schema.ReducerOptionsT(keepDims=keep)
        return self.add(OPERATOR.MEAN, inputs, shape, options, OPTIONS.ReducerOptions)

    def transpose(self, *order: int) -> Graph:
        inputs = [self.x, self.graph.constant(np.array(order, np.int32), f"order{self.x}")]
        shape = [self.shape()[axis] for axis in order]
        options, kind = schema.TransposeOptionsT(), OPTIONS.TransposeOptions
        return self.add(OPERATOR.TRANSPOSE, inputs, shape, options, kind)

    def dense(self, channels: int) -> Graph:
        c = self.shape()[-1]
        self.x = self.graph.fully_connected(self.x, self.floats(channels, c), self.floats(channels))
        return self

    def build(self) -> bytes:
        self.graph.output(self.x)
        return self.model.build()


IMAGE = [1, 8, 8, 4]
CASES: dict[str, tuple[Callable[[], Graph], list[Shapes]]] = {
    # padding on any side
    "pad right of 1x1": (lambda: Graph(IMAGE).pad(0, 1, 0, 1).conv(4), []),
    "pad around 1x1": (
        lambda: Graph([1, 13, 13, 4]).conv(8, 3, valid=False).pad(1, 1, 1, 1).conv(1000),
        [],
    ),
    "pad below a stride": (
        lambda: Graph(IMAGE).conv(8, 3, valid=False).pad(0, 1, 0, 1).conv(4, 1, stride=2),
        [],
    ),
    "pad right of a stride": (
        lambda: Graph(IMAGE).conv(8, 3, valid=False).pad(0, 0, 0, 3).conv(4, 1, stride=2),
        [],
    ),
    "pads in a row": (
        lambda: Graph([1, 5, 4, 5]).sum().pad(3, 1, 1, 1).pad(0, 0, 2, 1).conv(16, dilation=2),
        [],
    ),
    "a number around": (lambda: Graph(IMAGE).pad(0, 2, 1, 0, -0.5).conv(4, 3), []),
    "a number around a maximum": (
        lambda: Graph(IMAGE).pad(2, 2, 1, 0, -0.5).pool(3, 2),
        [[[2, 5, 1, 4]], [[1, 0, 8, 4]], [[1, 8, 0, 4]], [[0, 8, 8, 4]]],
    ),
    "what a maximum ignores": (
        lambda: Graph(IMAGE).conv(5).pad(1, 1, 1, 1, -np.inf).pool(3, 2),
        [[[2, 5, 1, 4]], [[1, 1, 1, 4]], [[1, 0, 8, 4]], [[0, 8, 8, 4]], [[3, 30, 17, 4]]],
    ),
    "windows of nothing else": (
        lambda: Graph(IMAGE).conv(5).pad(9, 3, 4, 7, -np.inf).pool(2, 3),
        [[[1, 1, 1, 4]], [[1, 0, 8, 4]]],
    ),
    "the lowest number": (
        lambda: Graph(IMAGE).pad(2, 3, 4, 7, float(np.finfo(np.float32).min)).pool(4, 1),
        [[[1, 1, 1, 4]]],
    ),
    # windows that reach far
    "far taps": (lambda: Graph([1, 8, 8, 3]).conv(3, 3, valid=False, dilation=4096), []),
    "far taps, depthwise": (
        lambda: Graph([1, 8, 8, 3]).conv(3, 24, valid=False, dilation=2848, depthwise=True),
        [],
    ),
    "one tap inside": (
        lambda: Graph([1, 9, 9, 3]).conv(8, 1).pad(40, 0, 40, 0).conv(8, 2, dilation=45).conv(4),
        [],
    ),
    "too far for 16 bits": (
        lambda: Graph([1, 8, 8, 1]).conv(1, 24, valid=False, dilation=4096, depthwise=True),
        [],
    ),
    # empty tensors
    "convolution of nothing": (
        lambda: Graph(IMAGE).conv(4, 3, valid=False),
        [[[0, 8, 8, 4]], [[1, 0, 8, 4]], [[2, 8, 8, 4]]],
    ),
    "depthwise convolution of nothing": (
        lambda: Graph(IMAGE).conv(4, 3, valid=False, depthwise=True),
        [[[0, 8, 8, 4]], [[1, 0, 8, 4]], [[1, 8, 0, 4]], [[2, 8, 8, 4]]],
    ),
    "kernel that just does not fit": (
        lambda: Graph(IMAGE).conv(4, 3).conv(4, 1),
        [[[1, 2, 8, 4]], [[1, 1, 8, 4]], [[1, 3, 3, 4]]],
    ),
    "pooling of nothing": (
        lambda: Graph(IMAGE).pool(2, 2),
        [[[1, 8, 8, 0]], [[0, 8, 8, 4]], [[1, 0, 8, 4]], [[1, 1, 8, 4]], [[1, 8, 8, 4]]],
    ),
    "average of nothing": (
        lambda: Graph(IMAGE).pool(2, 2, OPERATOR.AVERAGE_POOL_2D),
        [[[1, 8, 8, 0]], [[0, 8, 8, 4]]],
    ),
    "mean of nothing": (lambda: Graph(IMAGE).mean(), [[[1, 0, 8, 4]], [[0, 8, 8, 4]]]),
    "pad of nothing": (
        lambda: Graph(IMAGE).pad(1, 1, 1, 1).conv(4),
        [[[1, 0, 8, 4]], [[0, 8, 8, 4]], [[1, 8, 0, 4]]],
    ),
    "dense of nothing": (lambda: Graph([1, 8]).dense(4).softmax(), [[[0, 8]], [[2, 8]]]),
    "concatenation of nothing": (lambda: Graph([1, 8]).twice(1), [[[1, 0]], [[0, 8]], [[2, 3]]]),
    # channels in front, as PyTorch has them
    "channels to the end": (
        lambda: Graph([1, 3, 8, 9]).transpose(0, 2, 3, 1).conv(8, 3, stride=2),
        [[[2, 3, 5, 40]], [[1, 3, 0, 9]], [[0, 3, 8, 9]], [[1, 2, 8, 9]], [[3, 8, 9]]],
    ),
    "channels to the front": (
        lambda: Graph(IMAGE).conv(5, 3, valid=False).transpose(0, 3, 1, 2),
        [[[2, 5, 1, 4]], [[1, 0, 8, 4]], [[0, 8, 8, 4]]],
    ),
    "transposes alone": (
        lambda: Graph(IMAGE).transpose(0, 3, 1, 2).transpose(0, 3, 1, 2).transpose(0, 2, 3, 1),
        [[[2, 5, 1, 4]], [[1, 0, 8, 4]], [[1, 8, 8, 0]], [[2, 3, 4]]],
    ),
    "there and back": (
        lambda: Graph(IMAGE).conv(5).transpose(0, 3, 1, 2).transpose(0, 2, 3, 1).conv(4, 3),
        [[[2, 5, 3, 4]]],
    ),
    "mean of channels in front": (
        lambda: Graph(IMAGE).conv(9, 3).transpose(0, 3, 1, 2).mean(2, 3).dense(4),
        [[[2, 5, 3, 4]], [[1, 2, 8, 4]], [[0, 8, 8, 4]]],
    ),
    "mean of channels in front, kept": (
        lambda: (
            Graph(IMAGE)
            .conv(9, 3)
            .transpose(0, 3, 1, 2)
            .mean(3, 2, keep=True)
            .reshape([1, 9], [-1, 9])
            .dense(4)
        ),
        [[[2, 5, 3, 4]], [[0, 8, 8, 4]]],
    ),
    "mean of an input of channels in front": (
        lambda: Graph([1, 4, 8, 8]).mean(2, 3, keep=True),
        [[[2, 5, 3, 4]], [[1, 4, 0, 8]], [[0, 8, 8, 4]], [[1, 0, 8, 8]], [[2, 3, 4]]],
    ),
    # ranks, axes and sizes that a resize changes
    "softmax": (
        lambda: Graph([1, 10]).softmax(),
        [[[2, 3, 4]], [[10]], [[1, 2, 3, 2, 3]], [[4, 10]]],
    ),
    "concatenation": (lambda: Graph([1, 8]).twice(1), [[[2, 3, 4]], [[4]], [[3, 8]]]),
    "concatenation of the last": (lambda: Graph([1, 8]).twice(-1), [[[2, 3, 4]], [[4]]]),
    "reshape to a fixed batch": (
        lambda: Graph([1, 1, 1, 4]).reshape([1, 4], [1, 4]),
        [[[2, 1, 1, 4]], [[1, 2, 2, 1]]],
    ),
    "reshape to an open batch": (
        lambda: Graph([1, 1, 1, 4]).reshape([1, 4], [-1, 4]),
        [[[2, 1, 1, 4]], [[1, 2, 2, 4]], [[0, 1, 1, 4]], [[1, 1, 1, 6]]],
    ),
    "reshape to an image": (
        lambda: Graph([1, 4]).reshape([1, 1, 1, 4], [-1, 1, 1, 4]),
        [[[3, 8]], [[3, 3]]],
    ),
    "operands of different shapes": (
        lambda: (graph := Graph(IMAGE, IMAGE)).sum(*graph.inputs).conv(8, 3),
        [
            [[2, 8, 8, 4], [1, 8, 8, 4]],
            [[1, 8, 1, 4], [3, 1, 8, 1]],
            [[1, 8, 8, 4], [1, 1, 1, 4]],
            [[1, 8, 8, 4], [1, 7, 8, 4]],
        ],
    ),
    "a constant of higher rank": (
        lambda: (graph := Graph([1, 8])).sum(graph.x, graph.floats(1, 8)),
        [[[8]], [[2, 3, 8]], [[3, 8]]],
    ),
    "dense of several rows": (
        lambda: Graph([1, 8]).dense(4),
        [[[2, 3, 8]], [[2, 4]], [[3, 5]], [[5, 8]], [[1, 5]]],
    ),
}


def run(interpreter: StandardInterpreter, shapes: Shapes | None) -> np.ndarray | None:
    """The output, of the same numbers for the same shapes; None where the interpreter refuses."""
    details = interpreter.get_input_details()
    try:
        for detail, shape in zip(details, shapes or [], strict=shapes is not None):
            interpreter.resize_tensor_input(detail["index"], shape)
        interpreter.allocate_tensors()
        for detail in interpreter.get_input_details():
            rng = np.random.default_rng(1)
            values = rng.standard_normal(detail["shape"]).astype(np.float32)
            interpreter.set_tensor(detail["index"], values)
        interpreter.invoke()
    except (RuntimeError, ValueError):
        return None
    output: np.ndarray = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    return output


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("case", CASES)
def test_the_same_as_the_interpreter_alone(case: str, threads: int) -> None:
    build, resizes = CASES[case]
    model = build().build()
    plain = StandardInterpreter(
        model_content=model,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    delegated = ubp.Interpreter(model, take="all", num_threads=threads)
    for shapes in [None, *resizes]:
        expected, output = run(plain, shapes), run(delegated, shapes)
        assert (expected is None) == (output is None), shapes
        if expected is None or output is None:
            continue
        assert output.shape == expected.shape
        scale = np.nanmax(np.abs(expected), initial=1e-6)
        np.testing.assert_allclose(output, expected, rtol=0, atol=1e-5 * scale, err_msg=str(shapes))


def test_what_the_interpreter_overwrites_is_read_before() -> None:
    """SOFTMAX, RESHAPE and SUB have one memory: what reads the SOFTMAX has to run before SUB."""
    graph = Graph([4, 128])
    weights = graph.rng.standard_normal((128, 128)).astype(np.float32)
    weights[graph.rng.random(weights.shape) < 0.95] = 0
    sparse = graph.graph.constant(weights, "sparse")
    half = graph.graph.constant(np.array(0.5, np.float32), "half")
    first = graph.softmax().softmax().x
    graph.graph.output(graph.graph.fully_connected(first, sparse, graph.floats(128)))
    graph.reshape([4, 128], [4, 128])
    options = schema.SubOptionsT()
    graph.add(OPERATOR.SUB, [graph.x, half], [4, 128], options, OPTIONS.SubOptions)
    graph.x = graph.graph.fully_connected(graph.x, sparse, graph.floats(128))
    model = graph.build()
    kind = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    plain = StandardInterpreter(model_content=model, experimental_op_resolver_type=kind)
    delegated = StandardInterpreter(
        model_content=model,
        experimental_op_resolver_type=kind,
        experimental_delegates=[ubp.load_delegate(take="sparse")],
    )
    expected, output = run(plain, None), run(delegated, None)
    assert expected is not None and output is not None
    np.testing.assert_allclose(output, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    assert "DELEGATE" in [op["op_name"] for op in delegated._get_ops_details()]
