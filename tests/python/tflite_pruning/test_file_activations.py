# SPDX-License-Identifier: Apache-2.0
"""ubp.tflite_pruning: what enters and leaves layers, against the whole networks run at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from hypothesis import given, settings
from hypothesis import strategies as st
from pruning_files import Drawn, graph_of, pictures, residual
from transposed_models import add_transposed

import ubp.tflite_pruning.moments as moments
from ubp.data import Input, read_samples
from ubp.tflite import flatbuffer
from ubp.tflite_pruning.activations import Activations
from ubp.tflite_pruning.layers import DEPTHWISE, FileLayer, Graph, find_file_layers
from ubp.tflite_pruning.moments import DepthwiseSum, layer_samples
from ubp.tflite_pruning.rewriting import write_layer

PLAIN = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES


def all_tensors(data: bytes, x: np.ndarray) -> list[np.ndarray]:
    """Every tensor of a model's main graph, for one input."""
    interpreter = Interpreter(
        model_content=data,
        experimental_op_resolver_type=PLAIN,
        experimental_preserve_all_tensors=True,
    )
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    details = interpreter.get_tensor_details()
    count = max(each["index"] for each in details) + 1
    values: list[Any] = [None] * count
    for each in details:
        values[each["index"]] = interpreter.get_tensor(each["index"])
    return values


def without_activation(data: bytes, position: int) -> bytes:
    tree = flatbuffer.parse(data, "model")
    tree.subgraphs[0].operators[position].builtinOptions.fusedActivationFunction = 0
    return flatbuffer.serialize(tree)


def test_residual_graphs_are_streamed_layer_after_layer() -> None:
    data, x = residual(), pictures(10)
    dense, pruned = graph_of(data), graph_of(data)
    layers = [layer for layer in find_file_layers(pruned) if layer.refit]
    samples = read_samples(x, [Input("x", (12, 12, 3))])
    x = x[samples.numbers]
    positions = [position for layer in layers for position in layer.operators]
    activations = Activations(dense.model, pruned.model, 0, samples, positions, 1)
    rng, points = np.random.default_rng(1), []
    for layer in layers:
        (position,) = layer.operators
        tensor = pruned.inputs(position).activation
        output = flatbuffer.indices(dense.subgraph.operators[position].outputs)[0]
        now = flatbuffer.serialize(pruned.model)
        pairs = list(activations.of(position))
        assert len(pairs) == 10
        for one, (found, target) in zip(x, pairs, strict=True):
            np.testing.assert_allclose(
                found, all_tensors(now, one[np.newaxis])[tensor], rtol=1e-4, atol=1e-4
            )
            wanted = all_tensors(without_activation(data, position), one[np.newaxis])[output]
            np.testing.assert_allclose(target, wanted, rtol=1e-4, atol=1e-4)
        if layer.name != "stem":
            weights = pruned.weights(layer) * (rng.random(layer.matrix_shape) < 0.5)
            write_layer(pruned, layer, weights, rng.normal(size=layer.matrix_shape[1]))
            activations.change()
        activations.pass_by(position)
        points.append(activations._point.at)
    assert points[0] > 0 and points == sorted(points)


@st.composite
def single_layers(draw: st.DrawFn) -> tuple[bytes, np.ndarray]:
    """A model of one layer with weights and a fused activation, and inputs."""
    drawn = Drawn(draw(st.integers(0, 1000)))
    kind = draw(st.sampled_from(["conv", "depthwise", "dense", "transposed"]))
    size, channels = (draw(st.integers(5, 9)), draw(st.integers(5, 9))), draw(st.integers(1, 5))
    kernel = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    stride = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    valid = draw(st.booleans())
    if kind == "dense":
        x = drawn.graph.input([1, 4, channels])
        w = drawn.weights("w", 6, channels)
        y = drawn.graph.fully_connected(x, w, drawn.bias(6), activation=1, keep_num_dims=True)
    elif kind == "transposed":
        x = drawn.graph.input([1, *size, channels])
        outputs = [
            size[i] * stride[i] if not valid else (size[i] - 1) * stride[i] + max(kernel[i], 1)
            for i in (0, 1)
        ]
        shape = [1, *outputs, 6]
        given_shape = drawn.graph.constant(np.array(shape, np.int32), "shape")
        w = drawn.weights("w", 6, *kernel, channels)
        y = add_transposed(
            drawn.graph,
            x,
            given_shape,
            w,
            shape,
            bias=drawn.bias(6),
            strides=stride,
            padding=int(valid),
            activation=1,
        )
    else:
        depthwise = kind == "depthwise"
        if depthwise:
            stride = (stride[0], stride[0])
        dilation = draw(st.integers(1, 2)) if stride == (1, 1) else 1
        x = drawn.graph.input([1, *size, channels])
        shape = (1, *kernel, channels) if depthwise else (6, *kernel, channels)
        y = drawn.graph.conv(
            x,
            drawn.weights("w", *shape),
            drawn.bias(channels if depthwise else 6),
            stride=stride,
            dilation=dilation,
            valid=valid,
            activation=1,
            depthwise=depthwise,
        )
    drawn.graph.output(y)
    count = 9
    shape_of = drawn.graph.shape(x)
    return drawn.model.build(), drawn.rng.normal(size=(count, *shape_of[1:])).astype(np.float32)


def samples_of(data: bytes, x: np.ndarray) -> tuple[Graph, FileLayer, list[Any]]:
    graph = graph_of(data)
    (layer,) = find_file_layers(graph)
    samples = read_samples(x, [Input("x", x.shape[1:])])
    activations = Activations(graph.model, graph.model, 0, samples, layer.operators, 1)
    return graph, layer, list(layer_samples(activations, graph, layer, np.random.default_rng(0)))


@given(case=single_layers())
@settings(deadline=None, max_examples=80)
def test_samples_times_weights_are_the_outputs(case: tuple[bytes, np.ndarray]) -> None:
    """The lanes are in the order of the weights, at every pixel, for every kind of layer."""
    graph, layer, samples = samples_of(*case)
    assert layer.refit, layer.reason
    weights, view = graph.weights(layer), graph.view(0)
    bias = view.constant(view.inputs.bias, "bias")
    assert samples
    for inputs, targets in samples:
        if layer.op == DEPTHWISE:
            taps, channels = layer.matrix_shape
            found = (inputs.reshape(-1, taps, channels) * weights).sum(1)
        else:
            found = inputs @ weights
        # Targets are outputs before the activation.
        np.testing.assert_allclose(found + bias, targets, rtol=1e-3, atol=1e-4)


def test_pixels_of_large_layers_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = Drawn()
    drawn.graph.output(drawn.conv(drawn.graph.input([1, 20, 20, 3]), "w", 4, 1))
    data, x = drawn.model.build(), pictures(30, 21)[:, :20, :20]
    *_, whole = samples_of(data, x)
    assert sum(len(inputs) for inputs, _ in whole) == 30 * 400
    monkeypatch.setattr(moments, "SAMPLES", 600)
    *_, some = samples_of(data, x)
    assert sum(len(inputs) for inputs, _ in some) == 600
    rows = {tuple(row) for inputs, _ in whole for row in inputs.tolist()}
    assert {tuple(row) for inputs, _ in some for row in inputs.tolist()} <= rows


def test_depthwise_layers_are_fitted_channel_by_channel() -> None:
    rng = np.random.default_rng(0)
    taps, channels, count = 9, 5, 700
    x = (rng.normal(size=(count, taps, channels)) + 20).astype(np.float32)
    w = rng.normal(size=(taps, channels))
    y = ((x * w).sum(1) + np.arange(channels)).astype(np.float32)
    total = DepthwiseSum(taps, channels)
    for start in range(0, count, 300):
        part = slice(start, start + 300)
        total.add(x[part].reshape(-1, taps * channels), y[part])
    weights, bias, error = total.fit(np.zeros((taps, channels), np.float32), 1e-9)
    np.testing.assert_allclose(weights, w, atol=1e-3)
    np.testing.assert_allclose((x * weights).sum(1) + bias, y, atol=1e-2)
    assert error < 1e-6
    drawn_to = rng.normal(size=(taps, channels)).astype(np.float32)
    np.testing.assert_allclose(total.fit(drawn_to, 1e9)[0], drawn_to, atol=1e-3)


def test_a_channel_that_never_varies_keeps_its_weights() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 4, 3)).astype(np.float32)
    x[:, :, 1] = 2.5
    dense = rng.normal(size=(4, 3)).astype(np.float32)
    total = DepthwiseSum(4, 3)
    total.add(x.reshape(200, 12), (x * dense).sum(1))
    weights, bias, _ = total.fit(dense, 0.01)
    np.testing.assert_allclose(weights, dense, atol=1e-4)
    np.testing.assert_allclose(bias, 0, atol=1e-4)


def test_batches_in_the_file() -> None:
    drawn = Drawn()
    drawn.graph.output(drawn.conv(drawn.graph.input([4, 6, 6, 3]), "w", 4, 1))
    graph = graph_of(drawn.model.build())
    samples = read_samples(pictures(18, 6), [Input("x", (6, 6, 3))])
    activations = Activations(graph.model, graph.model, 0, samples, [0], 1)
    shapes = {(x.shape, y.shape) for x, y in activations.of(0)}
    assert activations.runs == 4
    assert shapes == {((4, 6, 6, 3), (4, 6, 6, 4))}
    assert graph.subgraph.tensors[0].type == schema.TensorType.FLOAT32
