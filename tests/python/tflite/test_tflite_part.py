# SPDX-License-Identifier: Apache-2.0
"""ubp.tflite.part: a graph cut in two anywhere computes what it computes whole."""

from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from interpreting import interpret

from fuzz.builder import ModelBuilder
from fuzz.generate import generate
from ubp.tflite import flatbuffer
from ubp.tflite.part import feeding_operators, live_tensors, part_of, varying_tensors

PLAIN = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES


def run(model: bytes, inputs: list[np.ndarray]) -> list[np.ndarray]:
    interpreter = Interpreter(model_content=model, experimental_op_resolver_type=PLAIN)
    return interpret(interpreter, *inputs)


@pytest.mark.parametrize("index", range(60))
def test_a_graph_cut_in_two(index: int) -> None:
    case = generate(17, index)
    tree = flatbuffer.parse(case.model, "model")
    graph = tree.subgraphs[0]
    inputs, outputs = flatbuffer.indices(graph.inputs), flatbuffer.indices(graph.outputs)
    shapes = [flatbuffer.indices(graph.tensors[each].shape) for each in inputs]
    values = [np.random.default_rng(index).normal(size=s).astype(np.float32) for s in shapes]
    whole = dict(zip(outputs, run(case.model, values), strict=True))
    count, varying = len(graph.operators), varying_tensors(graph)
    for at in range(count + 1):
        live = live_tensors(graph, at, range(count), varying)
        wanted = [each for each in live if each not in inputs]
        found = dict(zip(inputs, values, strict=True))
        if wanted:
            found |= zip(wanted, run(part_of(tree, 0, inputs, wanted), values), strict=True)
        later = [
            each
            for operator in graph.operators[at:]
            for each in flatbuffer.indices(operator.outputs)
            if each in outputs
        ]
        if later:
            second = part_of(tree, 0, live, later)
            for tensor, value in zip(later, run(second, [found[i] for i in live]), strict=True):
                np.testing.assert_allclose(value, whole[tensor], rtol=1e-6, atol=1e-6)


def two_branches() -> tuple[bytes, list[int]]:
    """A convolution whose output two others read, one of them behind another."""
    model, rng = ModelBuilder(), np.random.default_rng(0)
    graph = model.subgraph()

    def weights(name: str) -> int:
        return graph.constant(rng.normal(size=(4, 1, 1, 4)).astype(np.float32), name)

    bias = graph.constant(rng.normal(size=4).astype(np.float32), "bias")

    x = graph.input([1, 5, 5, 4])
    first = graph.conv(x, weights("a"), bias, activation=1)
    second = graph.conv(first, weights("b"), bias, activation=1)
    graph.output(graph.conv(second, weights("c"), bias))
    graph.output(graph.conv(first, weights("d"), bias))
    return model.build(), [x, first, second]


def test_what_is_alive_is_what_is_needed() -> None:
    data, (x, first, second) = two_branches()
    tree = flatbuffer.parse(data, "model")
    graph = tree.subgraphs[0]
    varying = varying_tensors(graph)
    assert live_tensors(graph, 0, [1, 2], varying) == [x]
    assert live_tensors(graph, 1, [1, 2], varying) == [first]
    assert live_tensors(graph, 2, [2], varying) == [second]
    assert live_tensors(graph, 2, [2, 3], varying) == sorted([first, second])
    assert live_tensors(graph, 3, [2], varying) == []
    assert feeding_operators(graph, {2}) == {0, 1}
    assert feeding_operators(graph, {1, 3}) == {0}


def test_a_bare_operator_has_no_activation() -> None:
    data, (x, first, second) = two_branches()
    tree = flatbuffer.parse(data, "model")
    value = np.random.default_rng(1).normal(size=(1, 5, 5, 4)).astype(np.float32)
    (bare,) = run(part_of(tree, 0, [x], [first], [0]), [value])
    (after,) = run(part_of(tree, 0, [x], [first]), [value])
    assert (bare < 0).any()
    np.testing.assert_array_equal(np.maximum(bare, 0), after)
    (behind,) = run(part_of(tree, 0, [x], [second], [1]), [value])
    assert (behind < 0).any()
    assert flatbuffer.serialize(tree) == flatbuffer.serialize(flatbuffer.parse(data, "model"))
