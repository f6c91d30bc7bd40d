# SPDX-License-Identifier: Apache-2.0
"""Random int8 graphs: the quantiser, what is drawn, and what the exact judge finds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert import schema_py_generated as schema

from fuzz import compare, exact
from fuzz.assignment import CONVENTIONAL, Style
from fuzz.case import Case, Run
from fuzz.compare import Expectation, Result
from fuzz.damage import damaged
from fuzz.draft import Draft
from fuzz.exact import check_exactly, exact_difference, judge_exactly
from fuzz.generate_int8 import Int8Draft, generate_int8
from fuzz.quantization import Quantization, activation_quantization, quantized, quantized_weights
from fuzz.quantize import UnquantizableError, quantize
from fuzz.session import Array, Outputs, Session
from fuzz.shrink import shrink
from ubp.tflite import flatbuffer

OP = schema.BuiltinOperator
INT8 = schema.TensorType.INT8
EVERYTHING = Style(**{field.name: 0.3 for field in fields(Style)})
DRAWN = (
    "CONV_2D DEPTHWISE_CONV_2D FULLY_CONNECTED ADD SUB MUL RELU RELU6 LEAKY_RELU HARD_SWISH "
    "LOGISTIC TANH MAX_POOL_2D AVERAGE_POOL_2D MEAN PAD CONCATENATION SOFTMAX RESHAPE QUANTIZE "
    "DEQUANTIZE RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR TRANSPOSE_CONV"
)
Tree = tuple[schema.ModelT, schema.SubGraphT]


def parsed(model: bytes) -> Tree:
    tree = flatbuffer.parse(model, "the model")
    return tree, tree.subgraphs[0]


def operators(model: bytes) -> list[str]:
    tree, graph = parsed(model)
    return [flatbuffer.operator_name(tree, node) for node in graph.operators]


def parameters(graph: schema.SubGraphT, tensor: int) -> tuple[npt.NDArray[np.float32], list[int]]:
    quantization = graph.tensors[tensor].quantization
    return np.array(quantization.scale, np.float32), list(quantization.zeroPoint)


def mobile_block() -> bytes:
    """A convolution, an inverted residual with its sum, the mean, two joined gates and classes."""
    draft = Draft(np.random.default_rng(5))

    def convolve(x: int, channels: int, kernel: int, activation: int, **options: Any) -> int:
        depthwise = options.get("depthwise", False)
        lanes = kernel**2 * (1 if depthwise else draft.shape(x)[3])
        shape = (channels, kernel, kernel, draft.shape(x)[3])
        if depthwise:
            shape = (1, kernel, kernel, channels)
        weights = draft.normal(shape, np.sqrt(2 / lanes))
        weights.reshape(-1)[::3] = 0
        biases = draft.constant(draft.normal([channels], 0.1))
        weights = draft.constant(weights)
        return draft.graph.conv(x, weights, biases, activation=activation, **options)

    x = convolve(draft.graph.input([1, 16, 16, 3]), 8, 3, 3, stride=2)
    y = convolve(x, 24, 1, 3)
    y = convolve(y, 24, 3, 3, depthwise=True)
    y = convolve(y, 8, 1, 0)
    y = draft.emit(OP.ADD, [x, y], draft.shape(x), schema.AddOptionsT())
    y = draft.emit(OP.MEAN, [y, draft.ints([1, 2])], [1, 8], schema.ReducerOptionsT(keepDims=False))
    gates = [draft.emit(code, [y], [1, 8]) for code in (OP.TANH, OP.LOGISTIC)]
    y = draft.emit(OP.CONCATENATION, gates, [1, 16], schema.ConcatenationOptionsT(axis=1))
    y = draft.graph.fully_connected(
        y, draft.constant(draft.normal([4, 16])), draft.constant(draft.normal([4]))
    )
    draft.graph.output(y)
    return draft.builder.build()


def infer(model: bytes, inputs: Sequence[Array], **options: Any) -> list[Array]:
    session = Session(model, **options)
    outputs = session.resize([]) or session.infer(inputs)
    assert not isinstance(outputs, str), outputs
    return outputs


def images(count: int) -> list[list[Array]]:
    rng = np.random.default_rng(1)
    return [[rng.standard_normal((1, 16, 16, 3)).astype(np.float32)] for _ in range(count)]


# ---- the quantiser ----------------------------------------------------------------------------


def test_a_quantised_network_is_close_to_the_float_one() -> None:
    model, samples = mobile_block(), images(8)
    int8 = quantize(model, samples, Style(float_edges=1.0))
    assert {"QUANTIZE", "DEQUANTIZE"} <= set(operators(int8))
    right = np.concatenate([infer(model, sample)[0] for sample in samples])
    for xnnpack in (True, False):
        found = np.concatenate([infer(int8, sample, xnnpack=xnnpack)[0] for sample in samples])
        assert np.abs(found - right).max() < 0.06 * np.ptp(right)
        assert np.corrcoef(found.ravel(), right.ravel())[0, 1] > 0.995


@pytest.mark.parametrize("style", [CONVENTIONAL, EVERYTHING], ids=["usual", "unusual"])
def test_layers_have_int8_weights_that_keep_zeros_and_biases_of_their_scale(style: Style) -> None:
    model = mobile_block()
    tree, graph = parsed(quantize(model, images(1), style, np.random.default_rng(3)))
    layers = 0
    for node in graph.operators:
        name = flatbuffer.operator_name(tree, node)
        if name not in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
            continue
        layers += 1
        data, weights, *bias = (int(tensor) for tensor in node.inputs)
        scales, zero_points = parameters(graph, weights)
        tensor = graph.tensors[weights]
        axis = 3 if name == "DEPTHWISE_CONV_2D" else 0
        values = np.frombuffer(bytes(tree.buffers[tensor.buffer].data), np.int8)
        assert tensor.type == INT8
        assert tensor.quantization.quantizedDimension == axis
        assert len(scales) in (
            (tensor.shape[axis],) if style is CONVENTIONAL else (1, tensor.shape[axis])
        )
        assert not any(zero_points)
        if name != "FULLY_CONNECTED":
            assert np.count_nonzero(values[::3]) <= (0 if style is CONVENTIONAL else 1)
        for read in bias:
            product = parameters(graph, data)[0] * scales
            assert np.array_equal(parameters(graph, read)[0], product)
            assert graph.tensors[read].type == schema.TensorType.INT32
    assert layers == 5


def test_what_must_have_one_quantization_has_it() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        tree, graph = parsed(quantize(mobile_block(), images(1), EVERYTHING, rng))
        for node in graph.operators:
            name = flatbuffer.operator_name(tree, node)
            if graph.tensors[node.outputs[0]].type != INT8:
                continue
            output = parameters(graph, int(node.outputs[0]))
            if name == "CONCATENATION":
                assert all(parameters(graph, int(tensor)) == output for tensor in node.inputs)
            if name == "LOGISTIC":
                assert output == ([1 / 256], [-128])
            if name == "TANH":
                assert output == ([1 / 128], [0])


def test_every_tensor_has_a_name_of_its_own() -> None:
    for seed in range(5):
        rng = np.random.default_rng(seed)
        names = [
            t.name for t in parsed(quantize(mobile_block(), images(1), EVERYTHING, rng))[1].tensors
        ]
        assert len(set(names)) == len(names)


def test_an_operator_without_an_int8_form_is_named() -> None:
    draft = Draft(np.random.default_rng(0))
    x = draft.graph.input([1, 4])
    draft.graph.output(draft.emit(OP.FLOOR, [x], [1, 4]))
    with pytest.raises(UnquantizableError, match="FLOOR has no int8 form"):
        quantize(draft.builder.build(), [[np.zeros((1, 4), np.float32)]])


def test_numbers() -> None:
    assert activation_quantization(0.0, 255.0) == Quantization(1.0, -128)
    assert activation_quantization(-1.0, -1.0).zero_point == 127
    for low, high in ((0.0, 0.0), (-1e-45, 0.0), (-np.inf, np.inf)):
        assert activation_quantization(low, high) == activation_quantization(-1.0, 1.0)
    steps = quantized(np.array([-9.0, 0.0, 0.5, 1.5, 99.0]), Quantization(1.0, 120))
    assert steps.tolist() == [111, 120, 120, 122, 127]
    weights = np.array([[0.0, -2.0], [0.0, 0.0], [1.0, 0.3]], np.float32)
    values, scales = quantized_weights(weights, 0)
    assert values.tolist() == [[0, -127], [0, 0], [127, 38]]
    assert np.allclose(scales, np.array([2, 2, 1]) / 127)
    assert quantized_weights(weights, None)[1].shape == (1,)


# ---- what is drawn ----------------------------------------------------------------------------


def test_a_seed_and_a_number_are_one_case() -> None:
    first, again, other = generate_int8(3, 5), generate_int8(3, 5), generate_int8(3, 6)
    assert first == again
    assert first.model != other.model


def test_every_operator_is_drawn_and_the_interpreter_alone_runs_all() -> None:
    counts: Counter[str] = Counter()
    for index in range(150):
        model = generate_int8(0, index).model
        counts.update(operators(model))
        if index < 50:
            assert not Session(model, xnnpack=True).resize([])
    assert set(DRAWN.split()) <= set(counts)


def test_zeros_come_in_groups_of_four_inputs() -> None:
    """But for one mask in ten."""
    masks = [Int8Draft(np.random.default_rng(seed)).mask([8, 3, 3, 10]) for seed in range(40)]
    masks = [mask for mask in masks if mask.any() and not mask.all()]
    grouped = 0
    for mask in masks:
        groups = np.add.reduceat(mask, [0, 4, 8], axis=3)
        grouped += bool(
            np.isin(groups[..., :2], (0, 4)).all() and np.isin(groups[..., 2], (0, 2)).all()
        )
    assert len(masks) > 15 and 0.7 * len(masks) < grouped


@pytest.mark.parametrize("kind", ["normal", "extreme", "flat"])
def test_int8_inputs(kind: str) -> None:
    (x, y) = Run([None, None], kind, 3).inputs([[1, 40, 40], [2]], [np.int8, np.float32])
    assert (x.dtype, y.dtype) == (np.int8, np.float32)
    ends = float(np.mean(np.abs(x.astype(int) + 0.5) == 127.5))
    assert {"normal": ends < 0.05, "extreme": ends > 0.4, "flat": np.ptp(x) == 0}[kind]


# ---- what is found ----------------------------------------------------------------------------


class Faulty(Session):
    """The delegate's sessions change a byte of an output if the model has a residual sum."""

    def __init__(self, model: bytes, options: dict[str, str] | None = None, **more: Any) -> None:
        super().__init__(model, options, **more)
        self._changes = options is not None and "ADD" in operators(model)

    def infer(self, inputs: Sequence[Array]) -> Outputs:
        outputs = super().infer(inputs)
        if self._changes and not isinstance(outputs, str):
            outputs[0] = outputs[0].copy()
            outputs[0].reshape(-1)[-1:] ^= 1
        return outputs


def unmarked(*, phase: str) -> None:
    """Nobody is told how far a check has got."""


def block_case() -> Case:
    model = quantize(mobile_block(), images(1))
    return Case(model, [Run([None], "normal", 1), Run([[2, 9, 12, 3]], "extreme", 2)], {}, None)


def test_the_delegate_is_right() -> None:
    outcome = check_exactly(block_case(), unmarked)
    assert (outcome.verdict, outcome.message) == ("right", "")
    assert outcome.runs == 2


def test_runs_that_the_interpreter_refuses_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    case = block_case()
    refused = Run([[9, 12, 3]], "normal", 3)
    outcome = check_exactly(replace(case, runs=[*case.runs, refused, refused]), unmarked)
    assert (outcome.verdict, outcome.runs, outcome.errors) == ("right", 4, 2)
    monkeypatch.setattr(compare, "Session", Faulty)
    assert check_exactly(replace(case, runs=[refused]), unmarked).verdict == "right"


def test_one_wrong_byte_is_found_and_the_case_made_smaller(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(compare, "Session", Faulty)
    outcome = check_exactly(block_case(), unmarked)
    assert outcome.verdict == "wrong"
    assert "1 of 4 values differ, by 1 at most; that at (0, 3) is" in outcome.message

    small = shrink(block_case(), lambda case: check_exactly(case, unmarked).verdict == "wrong")
    assert operators(small.model) == ["ADD"]
    assert len(small.runs) == 1
    monkeypatch.undo()
    assert check_exactly(small, unmarked).verdict == "right"


def test_differences_are_exact() -> None:
    right = np.array([[1, -128, 127]], np.int8)
    assert exact_difference([right], [right]) == ""
    message = exact_difference([np.array([[1, 127, 126]], np.int8)], [right])
    assert message == (
        "output 0, 2 of 3 values differ, by 255 at most; that at (0, 1) is 127, expected -128"
    )
    assert "is float32 (1, 3), expected int8 (1, 3)" in exact_difference(
        [right.astype(np.float32)], [right]
    )


def test_a_reference_in_doubt_is_told_from_a_wrong_delegate() -> None:
    """The interpreter's result is taken for doubtful only if another run of it says so."""
    case = block_case()
    run = Run([None], "normal", 1)
    inputs = run.inputs([[1, 16, 16, 3]], [np.int8])
    right: Outputs = infer(case.model, inputs, xnnpack=True)
    wrong: Outputs = [right[0] ^ 1]

    def verdict(expected: Outputs, found: Outputs) -> str:
        expectation = Expectation(inputs, expected)
        return judge_exactly(Result(case.model, case.model, [run], expectation, [found]))[0]

    assert verdict(right, right) == "right"
    assert verdict(right, wrong) == "wrong"
    assert verdict(wrong, right) == "explained by an interpreter that is not repeatable"
    assert verdict(right, "an error") == "refused"
    assert verdict("an error", right) == "explained by an interpreter that is not repeatable"


def pooled() -> bytes:
    """A window of 6 rows over an input of 8."""
    draft = Draft(np.random.default_rng(0))
    x = draft.graph.input([1, 8, 8, 4])
    options = schema.Pool2DOptionsT(
        padding=schema.Padding.VALID, strideH=1, strideW=1, filterHeight=6, filterWidth=1
    )
    draft.graph.output(draft.emit(OP.MAX_POOL_2D, [x], [1, 3, 8, 4], options))
    return quantize(draft.builder.build(), [[np.ones((1, 8, 8, 4), np.float32)]])


@pytest.mark.parametrize("shape", [[0, 8, 8, 4], [1, 5, 8, 4]], ids=["input", "window"])
def test_where_tensors_are_empty_shapes_are_compared_without_xnnpack(
    shape: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions: list[bool] = []

    class Recorded(Session):
        def __init__(self, *arguments: Any, xnnpack: bool = False, **more: Any) -> None:
            super().__init__(*arguments, xnnpack=xnnpack, **more)
            self._is_wrong = len(arguments) > 1 and not xnnpack
            sessions.append(xnnpack)

        def infer(self, inputs: Sequence[Array]) -> Outputs:
            outputs = super().infer(inputs)
            return [np.ones((1, 2, 8, 4), np.int8)] if self._is_wrong else outputs

    monkeypatch.setattr(compare, "Session", Recorded)
    empty, full = Run([shape], "normal", 1), Run([[1, 8, 3, 4]], "normal", 2)
    case = Case(pooled(), [empty, full, empty], {"take": "all"})
    outcome = check_exactly(case, unmarked)
    assert sessions == 4 * [True] + 4 * [False]
    assert outcome.verdict == "wrong"
    assert "outputs of shapes [(1, 2, 8, 4)], expected" in outcome.message
    monkeypatch.undo()
    outcome = check_exactly(case, unmarked)
    assert (outcome.verdict, outcome.runs, outcome.errors) == ("right", 3, 0)


def test_damaged_models_are_int8_too_and_with_other_quantizations() -> None:
    models = [damaged(2, index).model for index in range(40)]
    changed = set()
    for model in models:
        for tensor in parsed(model)[1].tensors:
            quantization = tensor.quantization
            if quantization is not None and quantization.scale is not None:
                changed.update(scale for scale in quantization.scale if not 1e-8 < scale < 1e8)
    assert sum("QUANTIZE" in operators(model) for model in models) > 0
    assert changed


def test_shapes_that_only_xnnpack_has_explain_others(monkeypatch: pytest.MonkeyPatch) -> None:
    class Flat(Session):
        """With XNNPACK all outputs are flat."""

        def __init__(self, model: bytes, *arguments: Any, xnnpack: bool = False) -> None:
            super().__init__(model, *arguments, xnnpack=xnnpack)
            self._flattens = xnnpack

        def infer(self, inputs: Sequence[Array]) -> Outputs:
            outputs = super().infer(inputs)
            if not self._flattens or isinstance(outputs, str):
                return outputs
            return [x.reshape(-1) for x in outputs]

    monkeypatch.setattr(exact, "Session", Flat)
    case = block_case()
    run = Run([None], "normal", 1)
    inputs = run.inputs([[1, 16, 16, 3]], [np.int8])
    right = infer(case.model, inputs, xnnpack=True)[0]
    expectation = Expectation(inputs, [right.reshape(-1)])
    for found, verdict in (
        (right.reshape(-1), "right"),
        (right, "explained by XNNPACK, which has other shapes"),
        (right.reshape(4, 1), "wrong"),
    ):
        result = Result(case.model, case.model, [run], expectation, [[found]])
        assert judge_exactly(result)[0] == verdict
