# SPDX-License-Identifier: Apache-2.0
"""The generator of random graphs and what judges them; tests/end_to_end runs many."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from fuzz.builder import ModelBuilder
from fuzz.case import Case, Run
from fuzz.compare import Expectation, Outcome, is_overwritten, refuses_shape
from fuzz.damage import damaged
from fuzz.draft import Draft
from fuzz.explanation import difference, explanation
from fuzz.generate import generate
from fuzz.process import Worker, check_apart
from fuzz.session import Array, Session
from fuzz.shrink import shrink
from fuzz.summary import Summary
from ubp.tflite import flatbuffer

TAKEN = (  # docs/delegate.md
    "CONV_2D DEPTHWISE_CONV_2D FULLY_CONNECTED ADD SUB MUL RELU RELU6 RELU_N1_TO_1 LEAKY_RELU "
    "HARD_SWISH LOGISTIC TANH MAX_POOL_2D AVERAGE_POOL_2D MEAN PAD CONCATENATION SOFTMAX RESHAPE "
    "SHAPE STRIDED_SLICE PACK"
)


def operators(case: Case) -> list[str]:
    tree = flatbuffer.parse(case.model, "case")
    return [flatbuffer.operator_name(tree, node) for node in tree.subgraphs[0].operators]


def minus_mean(of_logistic: bool = False, activation: int = 0) -> bytes:
    """An image of one channel, of which its mean is taken away."""
    draft = Draft(np.random.default_rng(0))
    x = draft.graph.input([1, 4, 4, 1])
    if of_logistic:
        x = draft.emit(schema.BuiltinOperator.LOGISTIC, [x], [1, 4, 4, 1])
    axes = draft.ints([1, 2])
    mean = draft.emit(
        schema.BuiltinOperator.MEAN, [x, axes], [1, 1, 1, 1], schema.ReducerOptionsT(keepDims=True)
    )
    draft.graph.output(
        draft.emit(
            schema.BuiltinOperator.SUB,
            [x, mean],
            [1, 4, 4, 1],
            schema.SubOptionsT(fusedActivationFunction=activation),
        )
    )
    return draft.builder.build()


def relu_of_each() -> bytes:
    return function_of_each(schema.BuiltinOperator.RELU)


def function_of_each(code: int, options: object = None) -> bytes:
    draft = Draft(np.random.default_rng(0))
    x = draft.graph.input([1, 4])
    draft.graph.output(draft.emit(code, [x], [1, 4], options))
    return draft.builder.build()


def zero_of_each() -> bytes:
    """The squared difference of a sum and itself."""
    draft = Draft(np.random.default_rng(0))
    x = draft.graph.input([1, 4])
    twice = draft.emit(schema.BuiltinOperator.ADD, [x, x], [1, 4], schema.AddOptionsT())
    code, options = schema.BuiltinOperator.SQUARED_DIFFERENCE, schema.SquaredDifferenceOptionsT()
    draft.graph.output(draft.emit(code, [twice, twice], [1, 4], options))
    return draft.builder.build()


def outputs_of(model: bytes, x: Array) -> list[Array]:
    """The plain interpreter's."""
    session = Session(model)
    assert not session.resize([None])
    outputs = session.infer([x])
    assert not isinstance(outputs, str)
    return outputs


def test_a_seed_and_a_number_are_one_case() -> None:
    first, again, other = generate(3, 5), generate(3, 5), generate(3, 6)
    assert first == again
    assert first.model != other.model


def test_every_operator_is_drawn() -> None:
    counts = Counter(name for index in range(300) for name in operators(generate(0, index)))
    assert set(TAKEN.split()) <= set(counts)


def test_the_interpreter_alone_runs_nearly_all_as_they_are() -> None:
    """What fails, fails of dilations beyond 32 bits."""
    errors = [Session(generate(0, index).model).resize([]) for index in range(200)]
    assert sum(bool(error) for error in errors) <= 4


def test_a_case_is_saved_whole(tmp_path: Path) -> None:
    case = next(case for case in map(generate, [0] * 99, range(99)) if case.convert is not None)
    case.save(tmp_path / "case", found="something")
    assert Case.load(tmp_path / "case.json") == case
    (tmp_path / "case.json").write_text("{}")
    with pytest.raises(ValueError, match=r"case\.json: not a case"):
        Case.load(tmp_path / "case.json")


def test_an_error_is_told_without_those_before_it() -> None:
    session = Session(relu_of_each(), {"take": "all"})
    first, second = (session.resize([[2**16, 2**16, size]]) for size in (1, 2))
    assert "[65536, 65536, 1]" in first
    assert "[65536, 65536, 2]" in second
    assert "[65536, 65536, 1]" not in second


def test_differences() -> None:
    right = np.array([1.0, -100.0, np.nan, np.inf], np.float32)
    assert difference([right], [right]) == ""
    assert difference([right + np.float32(0.009)], [right]) == ""
    for i, value in enumerate((1.02, -100.02, 0.0, 3e38)):
        wrong = right.copy()
        wrong[i] = value
        assert "1 of 4 values are wrong" in difference([wrong], [right])
    assert "has shape (2, 2), expected (4,)" in difference([right.reshape(2, 2)], [right])


@pytest.mark.parametrize(("of_logistic", "pixel"), [(False, 1 / 3), (True, 99.0)])
def test_rounding_explains_what_is_left_when_numbers_cancel_out(
    of_logistic: bool, pixel: float
) -> None:
    model, run = minus_mean(of_logistic), Run([None], "normal", 0)
    x = np.full((1, 4, 4, 1), pixel, np.float32)
    right = outputs_of(model, x)
    assert explanation(model, run, [x], [right[0] + np.float32(3e-8)], right) == "rounding"
    assert explanation(model, run, [x], [right[0] + np.float32(1e-2)], right) == ""


def test_rounding_explains_what_is_left_in_front_of_a_relu() -> None:
    model = minus_mean(of_logistic=True, activation=schema.ActivationFunctionType.RELU)
    x = np.full((1, 4, 4, 1), 99.0, np.float32)
    right = outputs_of(model, x)
    assert (right[0] == 0).all()
    for seed in range(10):
        run = Run([None], "normal", seed)
        assert explanation(model, run, [x], [right[0] + np.float32(3e-8)], right) == "rounding"


def test_rounding_explains_what_is_left_of_gelu_far_below_zero() -> None:
    model = function_of_each(schema.BuiltinOperator.GELU, schema.GeluOptionsT())
    x = np.full((1, 4), -8.0, np.float32)
    right = outputs_of(model, x)
    assert -5e-15 < right[0].min() < 0
    run = Run([None], "normal", 0)
    assert explanation(model, run, [x], [np.zeros_like(x)], right) == "rounding"
    assert explanation(model, run, [x], [np.full_like(x, 1e-4)], right) == ""


def test_infinities_explain_a_difference_of_two_that_are_cut_off() -> None:
    """The interpreter makes the largest number of an infinity, and zero of the difference."""
    model = zero_of_each()
    run = next(
        r
        for r in (Run([None], "special", s) for s in range(99))
        if [abs(value) for *_, value in r.specials([[1, 4]])] == [np.inf]
    )
    x = run.inputs([[1, 4]])[0]
    right = outputs_of(model, x)
    assert (right[0] == 0).all()
    wrong = np.where(np.isinf(x), np.nan, right[0]).astype(np.float32)
    assert explanation(model, run, [x], [wrong], right) == "infinities"
    assert explanation(model, run, [x], [np.full_like(x, np.nan)], right) == ""


def test_the_memory_of_the_interpreter_explains_nothing_that_it_gets_right() -> None:
    run = Run([None], "normal", 0)
    inputs = run.inputs([[1, 4]])
    right = [np.maximum(inputs[0], 0)]
    for result in (right, [right[0] + 1], "an error"):
        assert not is_overwritten(relu_of_each(), [run], Expectation(inputs, right), result)


def test_infinities_explain_only_what_depends_on_them() -> None:
    model = relu_of_each()
    run = next(r for r in (Run([None], "special", s) for s in range(99)) if r.specials([[1, 4]]))
    inputs = run.inputs([[1, 4]])
    special = {element for _, element, _ in run.specials([[1, 4]])}
    right = [np.maximum(inputs[0], 0)]
    for element in range(4):
        wrong = right[0].copy()
        wrong[0, element] = 77.0
        reason = explanation(model, run, inputs, [wrong], right)
        assert reason == ("infinities" if element in special else "")


def test_shrinking_keeps_what_fails() -> None:
    def fails(case: Case) -> bool:
        names = operators(case)
        return "PAD" in names and "CONV_2D" in names

    large = next(
        c for c in (generate(1, i) for i in range(99)) if fails(c) and len(operators(c)) > 8
    )
    small = shrink(large, fails)
    assert fails(small)
    assert len(operators(small)) <= 4
    assert len(small.runs) == 1
    assert not Session(small.model).resize([])


def test_damaged_models_are_repeatable_and_mostly_readable() -> None:
    assert damaged(1, 4) == damaged(1, 4)
    assert damaged(1, 4).model != generate(1, 4).model
    loaded = 0
    for index in range(20):
        try:
            Session(damaged(1, index).model)
        except (RuntimeError, ValueError):
            continue
        loaded += 1
    assert loaded >= 10


def test_a_worker_that_dies_goes_on_with_the_next_case(tmp_path: Path) -> None:
    case = generate(0, 0)
    case.save(tmp_path / "case")
    with Worker("graphs") as worker:
        assert check_apart(worker, tmp_path / "case").verdict != "death"
        worker.ask({"seed": 0, "first": 10, "count": 3})
        worker.process.kill()
        found: dict[int, Outcome] = {}
        while worker.busy:
            found.update(worker.answers(1.0))
    assert set(found) == {10, 11, 12}
    assert found[10].verdict in ("broken", "plain death", "death")  # wherever it was
    assert {found[11].verdict, found[12].verdict} <= {"right", "explained by rounding"}


def test_a_case_that_cannot_be_judged_is_a_failure(tmp_path: Path) -> None:
    broken = replace(generate(0, 0), model=b"nonsense")
    broken.save(tmp_path / "case")
    with Worker("graphs") as worker:
        outcome = check_apart(worker, tmp_path / "case")
    assert outcome.verdict == "broken"
    assert Summary().add(outcome)


def test_the_builder_slides_windows_like_the_interpreter() -> None:
    for valid in (True, False):
        builder = ModelBuilder()
        graph = builder.subgraph()
        x = graph.input([1, 11, 8, 2])
        weights = graph.constant(np.ones((3, 4, 2, 2), np.float32), "weights")
        bias = graph.constant(np.ones(3, np.float32), "bias")
        y = graph.conv(x, weights, bias, stride=(3, 2), dilation=(2, 3), valid=valid)
        graph.output(y)
        session = Session(builder.build())
        assert not session.resize([])
        outputs = session.infer([np.zeros((1, 11, 8, 2), np.float32)])
        assert list(outputs[0].shape) == graph.shape(y)


def test_a_transposed_convolution_excuses_only_errors_behind_it():
    builder = ModelBuilder()
    graph = builder.subgraph()
    x = graph.input([1, 2, 2, 1])
    other = graph.tensor([1, 2, 2, 1], "other")
    graph.operator(schema.BuiltinOperator.RELU, [x], other)
    weights = graph.constant(np.ones((1, 2, 2, 1), np.float32), "weights")
    shape = graph.constant(np.array([1, 4, 4, 1], np.int32), "shape")
    large = graph.tensor([1, 4, 4, 1], "large")
    graph.operator(schema.BuiltinOperator.TRANSPOSE_CONV, [shape, weights, x], large)
    behind = graph.tensor([1, 4, 4, 1], "behind")
    graph.operator(schema.BuiltinOperator.RELU, [large], behind)
    beside = graph.tensor([1, 2, 2, 1], "beside")
    graph.operator(schema.BuiltinOperator.RELU, [other], beside)
    model = builder.build()
    excused = [refuses_shape(model, f"Node number {n} (RELU) failed to prepare.") for n in range(4)]
    assert excused == [False, True, True, False]
    assert not refuses_shape(model, "out of memory")
    assert not refuses_shape(model, [np.zeros(1, np.float32)])
