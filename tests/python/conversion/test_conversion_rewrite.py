# SPDX-License-Identifier: Apache-2.0
"""ubp.conversion.rewrite: sharing, several subgraphs, and everything that has to survive."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from fuzz.builder import ModelBuilder
from ubp.conversion import convert
from ubp.conversion.find import find_layers
from ubp.tflite import flatbuffer


def block_weights(seed: int, channels: int = 64, inputs: int = 64) -> np.ndarray:
    """A sparse 1x1 convolution's weights [channels, 1, 1, inputs]: one block of 4 per lane."""
    rng = np.random.default_rng(seed)
    weights = np.zeros((channels, 1, 1, inputs), np.float32)
    for lane, start in enumerate(rng.integers(0, channels - 4, inputs)):
        weights[start : start + 4, 0, 0, lane] = rng.normal(size=4)
    return weights


def names(data: bytes) -> list[str]:
    return [layer.op for layer in find_layers(flatbuffer.parse(data, "model"))]


def data_sizes(data: bytes) -> list[int]:
    buffers = flatbuffer.parse(data, "model").buffers
    return [0 if buffer.data is None else len(buffer.data) for buffer in buffers]


def test_two_operators_that_share_weights_share_the_packed_tensor() -> None:
    model = ModelBuilder()
    graph = model.subgraph()
    w = graph.constant(block_weights(0), "w")
    graph.output(graph.conv(graph.conv(graph.input([1, 8, 8, 64]), w), w))
    result = convert(model.build())
    tree = flatbuffer.parse(result.model, "model")
    first, second = tree.subgraphs[0].operators
    assert names(result.model) == ["UbpConv2D", "UbpConv2D"]
    assert first.inputs[1] == second.inputs[1]
    assert sum(size > 0 for size in data_sizes(result.model)) == 1


def test_one_filter_at_several_octaves_is_packed_once_and_counted_once() -> None:
    model = ModelBuilder()
    graph = model.subgraph()
    weights = np.random.default_rng(0).normal(size=(64, 3, 3, 64)).astype(np.float32)
    kept = np.random.default_rng(1).random((16, 3, 3, 64)) < 0.35
    weights *= np.repeat(kept, 4, axis=0)
    shared = model.buffer(weights.tobytes())
    for size in (32, 8, 4, 2, 1):
        w = graph.constant(weights, f"octave{size}", shared)
        graph.output(graph.conv(graph.input([1, size, size, 64]), w))
    dense = model.build()
    result = convert(dense)
    speedups = [layer.speedup for layer in result.report]
    assert speedups[0] > 1.1 > speedups[-1]  # by themselves they would be decided differently
    assert names(result.model) == ["UbpConv2D"] * 5
    assert len(result.model) < 0.5 * len(dense)
    first, *others = result.report
    assert (first.bytes_before, first.shares_weights) == (weights.nbytes, False)
    assert first.bytes_after == sum(data_sizes(result.model))
    assert {(each.bytes_before, each.bytes_after) for each in others} == {(0, 0)}
    assert all(each.shares_weights for each in others)
    assert result.sparsity == pytest.approx(float(np.mean(weights == 0)))


def test_two_tensors_that_share_a_buffer() -> None:
    model = ModelBuilder()
    graph = model.subgraph()
    weights = block_weights(0)
    first = graph.constant(weights, "first")
    second = graph.constant(weights, "second", graph.graph.tensors[first].buffer)
    graph.output(graph.conv(graph.conv(graph.input([1, 8, 8, 64]), first), second))
    result = convert(model.build())
    assert names(result.model) == ["UbpConv2D", "UbpConv2D"]
    assert sum(size > 0 for size in data_sizes(result.model)) == 1
    for layer in find_layers(flatbuffer.parse(result.model, "model")):
        np.testing.assert_array_equal(layer.packed.weights(), weights.reshape(64, 64).T)


def test_weights_that_an_ordinary_operator_still_uses_stay() -> None:
    model = ModelBuilder()
    graph = model.subgraph()
    weights = block_weights(0)
    w = graph.constant(weights, "w")
    y = graph.conv(graph.input([1, 8, 8, 64]), w)
    graph.output(graph.conv(y, w, activation=4))  # an activation that is not supported
    result = convert(model.build())
    assert names(result.model) == ["UbpConv2D", "CONV_2D"]
    taken, left = result.report
    assert (taken.keeps_dense, left.keeps_dense) == (True, False)
    assert taken.bytes_before == weights.nbytes < taken.bytes_after
    assert (left.shares_weights, left.bytes_before, left.bytes_after) == (True, 0, 0)
    assert taken.bytes_after == sum(data_sizes(result.model))
    tree = flatbuffer.parse(result.model, "model")
    kept = tree.subgraphs[0].tensors[tree.subgraphs[0].operators[1].inputs[1]]
    assert bytes(tree.buffers[kept.buffer].data) == weights.tobytes()


@pytest.mark.parametrize("use", ["output", "signature", "metadata"])
def test_weights_that_something_else_refers_to_stay(use: str) -> None:
    model = ModelBuilder()
    graph = model.subgraph()
    weights = block_weights(0)
    w = graph.constant(weights, "w")
    x = graph.input([1, 8, 8, 64])
    graph.output(graph.conv(x, w))
    if use == "output":
        graph.output(w)
    elif use == "signature":
        model.signature("serve", {"x": x}, {"w": w})
    else:
        buffer = graph.graph.tensors[w].buffer
        model.tree.metadata = [schema.MetadataT(name="copy", buffer=buffer)]
    result = convert(model.build())
    assert names(result.model) == ["UbpConv2D"]
    assert weights.nbytes in data_sizes(result.model)


def test_every_subgraph_is_converted() -> None:
    model = ModelBuilder()
    weights = block_weights(0)
    shared = model.buffer(weights.tobytes())
    for name in ("main", "body"):
        graph = model.subgraph(name)
        w = graph.constant(weights, f"{name}/w", shared)
        graph.output(graph.conv(graph.input([1, 8, 8, 64]), w))
    result = convert(model.build())
    assert names(result.model) == ["UbpConv2D", "UbpConv2D"]
    assert [layer.name for layer in result.report] == ["main/w", "body/w"]
    assert sum(size > 0 for size in data_sizes(result.model)) == 1


def test_converting_twice_changes_nothing_more() -> None:
    model = ModelBuilder()
    graph = model.subgraph()
    w = graph.constant(block_weights(0), "w")
    graph.output(graph.conv(graph.input([1, 8, 8, 64]), w))
    once = convert(model.build())
    twice = convert(once.model, min_speedup=0)
    assert twice.model == once.model
    (layer,) = twice.report
    assert (layer.name, layer.op, layer.taken) == ("w", "UbpConv2D", False)
    assert layer.reason == "it is block-sparse already"
    assert layer.sparsity == once.report[0].sparsity
    assert layer.num_blocks == once.report[0].num_blocks
    assert layer.attributes.kernel_h == 1


def test_a_damaged_converted_layer_is_an_error() -> None:
    model = ModelBuilder()
    graph = model.subgraph()
    w = graph.constant(block_weights(0), "w")
    graph.output(graph.conv(graph.input([1, 8, 8, 64]), w))
    tree = flatbuffer.parse(convert(model.build()).model, "model")
    packed = tree.subgraphs[0].tensors[-1].buffer
    tree.buffers[packed].data = tree.buffers[packed].data[:-3]
    with pytest.raises(ValueError, match=r"^UbpConv2D: the packed weights"):
        convert(flatbuffer.serialize(tree))


def test_all_else_survives() -> None:
    model = ModelBuilder()
    graph = model.subgraph()
    x = graph.input([1, 8, 8, 64])
    w = graph.constant(block_weights(0), "w")
    bias = graph.constant(np.arange(64, dtype=np.float32), "b")
    y = graph.conv(x, w, bias, name="hidden")
    output = graph.tensor([1, 8, 8, 64], "result")
    graph.operator(schema.BuiltinOperator.LOGISTIC, [y], output)
    graph.output(output)
    hidden = graph.graph.tensors[y]
    hidden.shapeSignature = [-1, 8, 8, 64]
    hidden.quantization = schema.QuantizationParametersT(min=[-1.0], max=[2.0])
    model.metadata("notes", b"some notes")
    model.signature("serve", {"image": x}, {"scores": output})
    dense = model.build()
    result = convert(dense)
    before, after = flatbuffer.parse(dense, ""), flatbuffer.parse(result.model, "")

    old, new = before.subgraphs[0], after.subgraphs[0]
    assert names(result.model) == ["UbpConv2D"]
    assert new.operators[0].outputs.tolist() == [y]
    assert [new.inputs.tolist(), new.outputs.tolist()] == [[x], [output]]
    assert [t.name for t in new.tensors] == [t.name for t in old.tensors] + [b"w/ubp_packed"]
    for kept, original in zip(new.tensors, old.tensors, strict=False):
        assert kept.shape.tolist() == original.shape.tolist()
        assert kept.type == original.type
    assert new.tensors[y].shapeSignature.tolist() == [-1, 8, 8, 64]
    assert new.tensors[y].quantization.max.tolist() == [2.0]
    assert flatbuffer.operator_name(after, new.operators[1]) == "LOGISTIC"
    assert (
        bytes(after.buffers[new.tensors[bias].buffer].data) == np.arange(64, dtype="<f4").tobytes()
    )
    assert bytes(after.buffers[after.metadata[0].buffer].data) == b"some notes"
    (signature,) = after.signatureDefs
    assert signature.signatureKey == b"serve"
    assert [(m.name, m.tensorIndex) for m in signature.inputs] == [(b"image", x)]
    assert [(m.name, m.tensorIndex) for m in signature.outputs] == [(b"scores", output)]


def test_a_model_without_gain_keeps_all_its_contents() -> None:
    model = ModelBuilder()
    graph = model.subgraph()
    rng = np.random.default_rng(0)
    w = graph.constant(rng.normal(size=(16, 3, 3, 16)).astype(np.float32), "w")
    graph.output(graph.conv(graph.input([1, 8, 8, 16]), w))
    dense = model.build()
    result = convert(dense)
    assert result.model == dense


def test_saving_overwrites_only_when_told(tmp_path) -> None:  # type: ignore[no-untyped-def]
    model = ModelBuilder()
    graph = model.subgraph()
    w = graph.constant(block_weights(0), "w")
    graph.output(graph.conv(graph.input([1, 8, 8, 64]), w))
    result = convert(model.build())
    path = tmp_path / "out.tflite"
    path.write_bytes(b"precious")
    with pytest.raises(FileExistsError, match="exists already"):
        result.save(path)
    assert path.read_bytes() == b"precious"
    result.save(path, overwrite=True)
    assert path.read_bytes() == result.model
    result.save(str(tmp_path / "new.tflite"))
    assert (tmp_path / "new.tflite").read_bytes() == result.model
