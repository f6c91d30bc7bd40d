# SPDX-License-Identifier: Apache-2.0
"""ubp.check.verification: how outputs are compared; tests/end_to_end runs the rest."""

import numpy as np
import pytest

from fuzz.builder import ModelBuilder
from ubp.check.verification import compare_outputs
from ubp.runtime.running import entries_of
from ubp.tflite import flatbuffer


def compared(expected: list[float], actual: list[float], tolerance: float = 1e-4) -> bool:
    arrays = (np.array(values, np.float32) for values in (expected, actual))
    return compare_outputs(*arrays, tolerance).passed


def test_the_error_is_relative_to_the_range_of_the_output() -> None:
    result = compare_outputs(np.array([-1.0, 3.0]), np.array([-1.0, 3.02]), 0.01)
    assert result.max_abs_error == pytest.approx(0.02)
    assert result.output_range == 4.0
    assert result.relative_error == pytest.approx(0.005)
    assert result.passed


def test_too_large_an_error_fails() -> None:
    assert compared([0, 1], [0, 1.00005])
    assert not compared([0, 1], [0, 1.0005])


def test_constant_outputs_are_compared_to_their_magnitude() -> None:
    assert compared([5, 5], [5, 5.0001])
    assert not compared([5, 5], [5, 5.01])
    assert compared([0, 0], [0, 0])
    assert not compared([0, 0], [0, 0.01])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_output_that_is_not_finite_fails(value: float) -> None:
    assert not compared([0, 1], [0, value])
    assert not compared([0, value], [0, 1])
    assert not compared([0, value], [0, value])


def test_an_output_of_another_shape_fails() -> None:
    assert not compared([0, 1], [0, 1, 2])


def test_texts_are_equal_or_not() -> None:
    texts = np.array([b"cat", b"dog"], object)
    assert compare_outputs(texts, texts.copy(), 0.1).passed
    assert not compare_outputs(texts, np.array([b"cat", b"cow"], object), 0.1).passed


def test_an_empty_output_is_equal() -> None:
    assert compared([], [])


def test_classifiers_agree_where_the_largest_value_is() -> None:
    expected = np.array([[0.0, 1.0, 2.0], [5.0, 1.0, 0.0]])
    actual = np.array([[0.0, 2.5, 2.0], [5.0, 1.0, 0.5]])
    result = compare_outputs(expected, actual, 1.0)
    assert result.agreement == 0.5
    assert result.mean_abs_error == pytest.approx(2.0 / 6)
    assert compare_outputs(expected[0], actual[0], 1.0).agreement is None
    assert compare_outputs(expected[:, :1], actual[:, :1], 1.0).agreement is None


def test_a_signature_without_a_name_is_no_way_into_a_model() -> None:
    model = ModelBuilder()
    for name in ("main", "named", "unnamed"):
        graph = model.subgraph(name)
        graph.output(graph.input([1]))
    for index, key in ((1, "serve"), (2, "")):
        model.signature(key, {"x": 0}, {"y": 0})
        model.tree.signatureDefs[-1].subgraphIndex = index
    entries = entries_of(flatbuffer.parse(model.build(), "a model"))
    assert [(entry.subgraph, entry.key) for entry in entries] == [(0, ""), (1, "serve")]
