# SPDX-License-Identifier: Apache-2.0
"""Layer normalisation, against the plain interpreter: every form, size and batch; its limits."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter as StandardInterpreter
from ai_edge_litert.interpreter import OpResolverType

import ubp
from fuzz.draft import Draft
from fuzz.layer_norm import layer_norm
from ubp.runtime.decisions import delegate_report
from ubp.tflite import flatbuffer

OP = schema.BuiltinOperator
Array = npt.NDArray[np.float32]
FORMS = range(12)  # seeds, among which are all forms, with and without constants and activations
SHAPES = ([1, 5, 7, 24], [2, 3, 1, 3], [3, 13, 11, 17], [2, 9, 96], [4, 33], [1, 1, 1, 40])


def norm_model(seed: int, shape: list[int], around: bool = False) -> bytes:
    """around: a depthwise convolution before it, and a convolution behind, which run on planes."""
    draft = Draft(np.random.default_rng(seed))
    x = draft.add_value(draft.graph.input(shape), [])
    channels = shape[-1]
    if around:
        weights = draft.constant(draft.normal([1, 3, 3, channels]))
        x = draft.graph.conv(x, weights, draft.constant(draft.normal([channels])), depthwise=True)
        draft.values = [x]
    assert layer_norm(draft)
    y = draft.values[-1]
    if around:
        weights = draft.constant(draft.normal([8, 1, 1, channels], channels**-0.5))
        y = draft.graph.conv(y, weights, draft.constant(draft.normal([8])))
    draft.graph.output(y)
    return draft.builder.build()


def plain(model: bytes) -> StandardInterpreter:
    kind = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    return StandardInterpreter(model_content=model, experimental_op_resolver_type=kind)


def infer(interpreter: StandardInterpreter, x: Array) -> list[Array]:
    (detail,) = interpreter.get_input_details()
    interpreter.resize_tensor_input(detail["index"], x.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(detail["index"], x)
    interpreter.invoke()
    return [interpreter.get_tensor(out["index"]) for out in interpreter.get_output_details()]


def values(shape: list[int], scale: float = 1.0) -> Array:
    return (scale * np.random.default_rng(1).standard_normal(shape)).astype(np.float32)


def check(model: bytes, inputs: list[Array]) -> None:
    """Every node is taken, for one op; results are those of the plain interpreter."""
    assert [node.op for node in delegate_report(model, take="all").nodes if not node.taken] == []
    reference = plain(model)
    interpreters = [ubp.Interpreter(model, take="all", num_threads=n) for n in (1, 2, 3)]
    for x in inputs:
        (expected,) = infer(reference, x)
        (first,), *others = (infer(interpreter, x) for interpreter in interpreters)
        np.testing.assert_array_equal(np.isnan(first), np.isnan(expected))
        scale = np.abs(np.nan_to_num(expected)).max() + 1e-6
        np.testing.assert_allclose(first, expected, rtol=0, atol=1e-5 * scale)
        for (other,) in others:
            np.testing.assert_array_equal(other, first)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("seed", FORMS)
def test_every_form(seed: int, shape: list[int]) -> None:
    others = [[batch, *shape[1:]] for batch in (1, 2, 3)]
    check(norm_model(seed, shape), [values(s) for s in (shape, *others)])


@pytest.mark.parametrize("shape", [s for s in SHAPES if len(s) == 4], ids=str)
@pytest.mark.parametrize("seed", FORMS)
def test_between_convolutions(seed: int, shape: list[int]) -> None:
    check(norm_model(seed, shape, around=True), [values(shape), values([3, *shape[1:]])])


@pytest.mark.parametrize("seed", FORMS)
def test_large_and_tiny_values(seed: int) -> None:
    shape = [2, 5, 7, 24]
    check(norm_model(seed, shape), [values(shape, scale) for scale in (1e-30, 1e-4, 1e4, 1e12)])


@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity(special: float) -> None:
    x = values([2, 5, 7, 24])
    x[0, 0, 0, 3] = x[1, 2, 3, 23] = x[1, 4, 6, 0] = special
    for seed in FORMS:
        check(norm_model(seed, list(x.shape)), [x])


def test_the_forms_are_all_there() -> None:
    """Else the tests here would not test them."""
    models = [flatbuffer.parse(norm_model(seed, [2, 24]), "norm") for seed in FORMS]
    names = [
        {flatbuffer.operator_name(tree, node) for node in tree.subgraphs[0].operators}
        for tree in models
    ]
    counts = [len(tree.subgraphs[0].operators) for tree in models]
    assert any("NEG" in found for found in names)
    assert any("SUB" in found and "SQUARED_DIFFERENCE" in found for found in names)
    assert any("SQUARED_DIFFERENCE" not in found for found in names)
    assert min(counts) + 2 <= max(counts)


def test_another_rank_or_number_of_channels_is_refused_or_right() -> None:
    for seed in FORMS:
        model = norm_model(seed, [2, 5, 24])
        reference, delegated = plain(model), ubp.Interpreter(model, take="all")
        for shape in ([0, 5, 24], [2, 24], [2, 5, 7, 24], [2, 5, 23], [2, 5, 1], [4, 9, 24]):
            outputs: list[list[Array] | str] = []
            for interpreter in (reference, delegated):
                try:
                    outputs.append(infer(interpreter, values(shape)))
                except (RuntimeError, ValueError) as error:
                    outputs.append(str(error))
            expected, found = outputs
            if isinstance(found, str):
                assert "expected 3 dimensions" in found or isinstance(expected, str)
                assert shape not in ([0, 5, 24], [4, 9, 24])
            else:
                assert not isinstance(expected, str)
                assert found[0].shape == expected[0].shape
                np.testing.assert_allclose(found[0], expected[0], rtol=0, atol=1e-4)


@pytest.mark.parametrize("inside", range(1, 9))
def test_what_the_model_gives_of_its_inside_is_computed(inside: int) -> None:
    tree = flatbuffer.parse(norm_model(0, [2, 5, 7, 24]), "norm")
    graph = tree.subgraphs[0]
    graph.outputs = [*graph.outputs, int(graph.operators[inside - 1].outputs[0])]
    model = flatbuffer.serialize(tree)
    x = values([2, 5, 7, 24])
    for found, expected in zip(
        infer(ubp.Interpreter(model, take="all"), x), infer(plain(model), x), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)
