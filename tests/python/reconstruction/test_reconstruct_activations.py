# SPDX-License-Identifier: Apache-2.0
"""What enters layers, batch after batch: the right values, computed once, kept in files."""

from __future__ import annotations

from collections import Counter

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from rebuilt_models import chain, inputs_of, nested, residual, shared, with_container
from threadpoolctl import threadpool_info

from ubp.pruning.layers.walking import iterate_layers
from ubp.reconstruction.network.activations import Activations
from ubp.reconstruction.network.graph import DENSE, Step, graph_of
from ubp.reconstruction.network.interception import calls_in
from ubp.reconstruction.network.plan import places_of, plan
from ubp.reconstruction.network.spool import Spool
from ubp.reconstruction.network.tensors import as_array, as_tensor
from ubp.reconstruction.threads import threads_for

_BATCHES = 3


@given(
    st.lists(
        arrays(
            st.sampled_from([np.float32, np.float16, np.int64, np.uint8, np.bool_]),
            array_shapes(min_dims=1, max_dims=4, max_side=5, min_side=0),
        ),
        max_size=4,
    )
)
def test_what_is_written_is_read_in_any_order(batches):
    spool = Spool()
    for batch in batches:
        spool.append(batch)
    assert len(spool) == len(batches)
    for number in reversed(range(len(batches))):
        found = spool.read(number)
        np.testing.assert_array_equal(found, batches[number])
        assert found.dtype == batches[number].dtype
        np.testing.assert_array_equal(as_array(as_tensor(found)), batches[number])
    spool.close()


def prepared(model):
    """The plan of a model with itself as the copy, and its values."""
    data = inputs_of(model, 4 * _BATCHES)
    data = data if isinstance(data, list) else [data]
    spools = [Spool() for _ in data]
    for spool, array in zip(spools, data, strict=True):
        for start in range(0, len(array), 4):
            spool.append(array[start : start + 4])
    layers = list(iterate_layers(model))
    example = [array[:1] for array in data]
    graph = graph_of(model, model, example)
    pruned = [id(layer) for layer in layers if isinstance(layer, keras.layers.Conv2D)][:1]
    tasks = plan(graph, example, {id(layer): layer for layer in layers}, pruned, True).tasks
    places = places_of(tasks)
    return graph, tasks, Activations(graph, DENSE, spools, places, to_outputs=True), data


@pytest.mark.parametrize("make", [chain, residual, shared, nested, with_container])
def test_values_are_those_of_the_model(make):
    model = make()
    _, tasks, activations, data = prepared(model)
    assert len(tasks) > 2
    for task in tasks:
        layer = task.layers[DENSE]
        for number, found in enumerate(activations.inputs_of(task.layers, task.sites)):
            batch = [array[4 * number : 4 * number + 4] for array in data]
            given_inputs = batch if len(batch) > 1 else batch[0]
            calls = calls_in(lambda given=given_inputs: model(given), [layer])
            assert len(found) == len(calls)
            for one, call in zip(found, calls, strict=True):
                np.testing.assert_allclose(one, np.asarray(call.inputs), rtol=1e-5, atol=1e-5)
        outputs = activations.outputs(_BATCHES - 1)
        expected = keras.tree.flatten(model(given_inputs))
        for one, other in zip(outputs, expected, strict=True):
            np.testing.assert_allclose(one, np.asarray(other), rtol=1e-4, atol=1e-4)
    activations.close()


@pytest.mark.parametrize("make", [chain, residual])
def test_each_step_runs_once_for_a_batch(make, monkeypatch):
    graph, tasks, activations, _ = prepared(make())
    runs = Counter()
    run = Step.run

    def counted(step, side, values):
        runs[id(step)] += 1
        return run(step, side, values)

    monkeypatch.setattr(Step, "run", counted)
    for task in tasks:
        assert sum(1 for _ in activations.inputs_of(task.layers, task.sites)) == _BATCHES
    assert set(runs.values()) == {_BATCHES} and len(runs) > len(graph.steps) / 2


def test_only_what_is_needed_is_kept():
    _, tasks, activations, _ = prepared(residual())
    for task in tasks:
        list(activations.inputs_of(task.layers, task.sites))
        assert len(activations._stored) <= 3  # the input of the model, of the layer, of a sum


def test_small_problems_take_one_thread():
    def threads():
        return {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}

    before = threads()
    with threads_for(100):
        assert threads() == {1}
    assert threads() == before
    with threads_for(10_000):
        assert threads() == before
