# SPDX-License-Identifier: Apache-2.0
"""ubp.prune_tflite: what is in the file that comes out, and what is refused."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from pruning_files import RELU, Drawn, constant, pictures, residual
from transposed_models import add_transposed

import ubp
from ubp.conversion.cover import cover_lanes
from ubp.conversion.find import find_layers
from ubp.lanes import to_lanes
from ubp.tflite import flatbuffer
from ubp.tflite_pruning import PrunedFile


def prune(data: bytes, x: Any, sparsity: float = 0.5, **options: Any) -> PrunedFile:
    return ubp.prune_tflite(data, x, sparsity, progress=False, num_threads=1, **options)


def outputs(data: bytes, x: np.ndarray) -> list[np.ndarray]:
    """Of a model with a batch of one, for samples [samples, ...]."""
    interpreter = Interpreter(model_content=data)
    interpreter.allocate_tensors()
    rows = []
    for one in x:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], one[np.newaxis])
        interpreter.invoke()
        details = interpreter.get_output_details()
        rows.append([interpreter.get_tensor(each["index"])[0] for each in details])
    return [np.stack(each) for each in zip(*rows, strict=True)]


def by_name(result: PrunedFile) -> dict[str, Any]:
    return {layer.name: layer for layer in result.layers}


@pytest.fixture(scope="module")
def pruned() -> PrunedFile:
    return prune(residual(), pictures())


def test_zeros_in_blocks_as_many_as_asked_for(pruned: PrunedFile) -> None:
    layers = by_name(pruned)
    assert [name for name, layer in layers.items() if layer.pruned] == [
        *("expand", "project", "after")
    ]
    for name in ("expand", "project", "after"):
        weights = to_lanes(constant(pruned.model, name), 0)
        mask = weights != 0
        assert mask.mean() == pytest.approx(0.5, abs=4 / mask.size)
        assert layers[name].kept == pytest.approx(mask.mean())
        assert (
            cover_lanes(weights != 0, 4).count * 4 == mask.sum()
        )  # no more blocks than non-zeros fill
    assert pruned.sparsity == pytest.approx(0.5, abs=0.01)
    for name in ("stem", "boxes", "scores", "depthwise"):
        assert constant(pruned.model, name).all()


def test_far_better_than_the_largest_weights(pruned: PrunedFile) -> None:
    assert [each.name for each in pruned.outputs] == ["conv6", "conv7"]
    for each in pruned.outputs:
        assert each.relative_error < 0.1
        assert each.relative_error < each.one_shot / 5


def test_the_error_is_that_of_samples_held_out(pruned: PrunedFile) -> None:
    """On fresh pictures of the same kind it is about as reported."""
    fresh = pictures(150, seed=99)
    for each, dense, found in zip(
        pruned.outputs, outputs(pruned.dense, fresh), outputs(pruned.model, fresh), strict=True
    ):
        error = ((found - dense) ** 2).sum() / ((dense - dense.mean(0)) ** 2).sum()
        assert 0.3 < error / each.relative_error < 3
    assert (pruned.samples, pruned.held_out) == (105, 15)


def test_it_converts_and_computes_the_same(pruned: PrunedFile) -> None:
    result = ubp.convert(pruned.model, min_speedup=0)
    assert sum(layer.taken for layer in result.report) >= 3
    x = pictures(4, seed=3)
    for one, other in zip(
        outputs(pruned.model, x), outputs(ubp.unpack(result.model), x), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


def test_the_same_seed_gives_the_same_file(pruned: PrunedFile) -> None:
    assert prune(residual(), pictures()).model == pruned.model
    assert prune(residual(), pictures(), seed=1).model != pruned.model


def test_layers_behind_are_re_fitted_only_if_asked(pruned: PrunedFile) -> None:
    plain = prune(residual(), pictures(), refit=False)
    for name in ("depthwise", "boxes", "scores"):
        assert (constant(plain.model, name) == constant(plain.dense, name)).all()
        assert (constant(pruned.model, name) != constant(pruned.dense, name)).any()
        assert by_name(plain)[name].relative_error is None
    assert (constant(pruned.model, "stem") == constant(pruned.dense, "stem")).all()
    assert pruned.outputs[0].relative_error < plain.outputs[0].relative_error


@pytest.mark.parametrize(
    ("options", "size", "starts"),
    [
        ({"pattern": "aligned"}, 4, 4),
        ({"pattern": ubp.AlignedBlock(8)}, 8, 8),
        ({"block_size": 2}, 2, 1),
        ({"pattern": "unstructured"}, 1, 1),
    ],
)
def test_patterns(options: dict[str, Any], size: int, starts: int) -> None:
    result = prune(residual(), pictures(), 0.75, layers="after", **options)
    mask = to_lanes(constant(result.model, "after"), 0) != 0
    assert mask.mean() == pytest.approx(0.25, abs=size / mask.size)
    if starts > 1:
        assert (mask.reshape(-1, starts).sum(1) % starts == 0).all()


@pytest.mark.parametrize("scope", ["layer", "global", "latency"])
def test_blocks_of_several_lanes(scope: str) -> None:
    result = prune(residual(), pictures(), 0.75, block_size=2, block_lanes=4, scope=scope)
    if scope == "layer":
        pattern = ubp.UnalignedBlock(2, lanes=4)
        assert prune(residual(), pictures(), 0.75, pattern=pattern).model == result.model
    assert [layer.name for layer in result.layers if layer.pruned] == ["expand", "project", "after"]
    for name in ("expand", "project", "after"):
        mask = to_lanes(constant(result.model, name), 0) != 0
        groups = mask.reshape(-1, 4, mask.shape[1])
        assert (groups.all(axis=1) == groups.any(axis=1)).all()
        assert cover_lanes(groups[:, 0], 2).count * 8 == mask.sum()
    if scope != "latency":
        assert result.sparsity == pytest.approx(0.75, abs=0.01)


def test_input_channels_that_a_block_does_not_divide() -> None:
    result = prune(residual(), pictures(), pattern=ubp.UnalignedBlock(2, lanes=3), layers="*")
    reasons = {layer.name: layer.reason for layer in result.layers if not layer.pruned}
    assert reasons["after"] == "its 16 input channels are no multiple of a block's 3 lanes"
    assert by_name(result)["stem"].pruned


def test_layers_by_name() -> None:
    result = prune(residual(), pictures(40), layers=["st*", "scores"])
    assert [name for name, layer in by_name(result).items() if layer.pruned] == ["stem", "scores"]
    assert by_name(result)["after"].reason == "layers does not name it"


def halved(drawn: Drawn, values: np.ndarray, name: str) -> int:
    """A float16 constant and its DEQUANTIZE."""
    stored = drawn.graph.constant(values.astype(np.float16), name)
    target = drawn.graph.tensor(list(values.shape), f"{name}/decoded")
    return drawn.graph.operator(schema.BuiltinOperator.DEQUANTIZE, [stored], target)


def test_float16_files_stay_float16() -> None:
    drawn = Drawn()
    x = drawn.graph.input([1, 8, 8, 3])
    y = drawn.conv(x, "stem", 16, 3, activation=RELU)
    w = drawn.rng.normal(size=(32, 3, 3, 16)) / 12
    bias = halved(drawn, drawn.rng.normal(size=32), "bias")
    y = drawn.graph.conv(y, halved(drawn, w, "w"), bias, activation=RELU)
    drawn.graph.output(drawn.conv(y, "last", 4, 1))
    data = drawn.model.build()
    result = prune(data, pictures(60, 9)[:, :8, :8], layers=["w/decoded"])
    stored = constant(result.model, "w")
    assert stored.dtype == np.float16 and (stored == 0).mean() == pytest.approx(0.5, abs=0.01)
    assert constant(result.model, "bias").dtype == np.float16
    assert (constant(result.model, "bias") != constant(data, "bias")).any()
    assert abs(len(result.model) - len(data)) < 200
    assert result.outputs[0].relative_error < result.outputs[0].one_shot / 3
    packed = ubp.convert(result.model, min_speedup=0)
    assert [layer.taken for layer in packed.report if layer.name == "w/decoded"] == [True]


def test_a_bias_that_others_use_becomes_the_layers_own() -> None:
    drawn = Drawn()
    x = drawn.graph.input([1, 6, 6, 3])
    shared = drawn.bias(8, "shared")
    y = drawn.graph.conv(x, drawn.weights("a", 8, 3, 3, 3), shared, activation=RELU)
    y = drawn.graph.conv(y, drawn.weights("b", 8, 1, 1, 8), shared, activation=RELU)
    drawn.graph.output(drawn.graph.conv(y, drawn.weights("c", 8, 1, 1, 8), shared))
    data = drawn.model.build()
    result = prune(data, pictures(60, 6), refit=False)
    tree = flatbuffer.parse(result.model, "model")
    biases = [flatbuffer.indices(operator.inputs)[2] for operator in tree.subgraphs[0].operators]
    assert biases[0] == biases[2] == shared != biases[1]
    assert result.outputs[0].relative_error < result.outputs[0].one_shot


def test_a_layer_used_twice_is_rebuilt_for_both_uses() -> None:
    drawn = Drawn()
    x = drawn.graph.input([1, 6, 6, 8])
    w, bias = drawn.weights("twice", 8, 3, 3, 8), drawn.bias(8)
    y = drawn.conv(x, "first", 8, 1, activation=RELU)
    for _ in range(2):
        y = drawn.graph.conv(y, w, bias, activation=RELU)
    drawn.graph.output(drawn.conv(y, "last", 4, 1))
    x = (pictures(80, 6) @ drawn.rng.normal(size=(3, 8))).astype(np.float32)
    result = prune(drawn.model.build(), x)
    layer = by_name(result)["twice"]
    assert len(result.layers) == 3
    assert layer.samples == 2 * 36 * result.samples
    assert result.outputs[0].relative_error < result.outputs[0].one_shot / 3


def test_weights_that_something_else_uses_are_left_with_a_reason() -> None:
    drawn = Drawn()
    x = drawn.graph.input([1, 6, 6, 8])
    w = drawn.weights("shared", 8, 1, 1, 8)
    y = drawn.conv(x, "first", 8, 1, activation=RELU)
    y = drawn.graph.conv(y, w, drawn.bias(8, "one"), activation=RELU)
    y = drawn.graph.conv(y, w, drawn.bias(8, "other"), activation=RELU)
    y = drawn.conv(y, "free", 8, 1, activation=RELU)
    drawn.graph.output(drawn.conv(y, "last", 4, 1))
    x = (pictures(80, 6) @ drawn.rng.normal(size=(3, 8))).astype(np.float32)
    result = prune(drawn.model.build(), x)
    assert [layer.pruned for layer in result.layers] == [False, False, False, True, False]
    assert "something else in the model uses its weights" in result.layers[1].reason
    assert (constant(result.model, "shared") == constant(result.dense, "shared")).all()


def test_transposed_convolutions() -> None:
    drawn = Drawn()
    x = drawn.graph.input([1, 6, 6, 3])
    y = drawn.conv(x, "first", 16, 3, activation=RELU)
    shape = [1, 12, 12, 16]
    sizes = drawn.graph.constant(np.array(shape, np.int32), "shape")
    w = drawn.weights("up", 16, 3, 3, 16)
    y = add_transposed(drawn.graph, y, sizes, w, shape, strides=(2, 2), activation=RELU)
    drawn.graph.output(drawn.conv(y, "last", 4, 1))
    result = prune(drawn.model.build(), pictures(80, 6))
    mask = constant(result.model, "up") != 0
    assert mask.mean() == pytest.approx(0.5, abs=0.01)
    assert by_name(result)["up"].pruned
    assert result.outputs[0].relative_error < result.outputs[0].one_shot / 3
    taken = {each.name: each.taken for each in ubp.convert(result.model, min_speedup=0).report}
    assert taken["up"]


def test_several_inputs_and_signatures() -> None:
    drawn = Drawn()
    a, b = drawn.graph.input([1, 6, 6, 3]), drawn.graph.input([1, 6, 6, 3])
    y = drawn.add(drawn.conv(a, "a", 16, 3, activation=RELU), drawn.conv(b, "b", 16, 3))
    y = drawn.conv(y, "middle", 16, 1, activation=RELU)
    drawn.graph.output(drawn.conv(y, "last", 4, 1))
    drawn.model.signature("serve", {"left": a, "right": b}, {"y": drawn.graph.graph.outputs[0]})
    data = drawn.model.build()
    first, second = pictures(80, 6), pictures(80, 6, seed=9)
    result = prune(data, {"right": second, "left": first}, signature="serve")
    assert result.model == prune(data, (first, second)).model
    assert result.model != prune(data, (second, first)).model
    with pytest.raises(ValueError, match=r"has no signature 'other'; it has serve\.$"):
        prune(data, (first, second), signature="other")
    with pytest.raises(ValueError, match="data has 1 arrays for a model with 2 inputs"):
        prune(data, first)


def test_what_is_behind_the_model_stays() -> None:
    whole = io.BytesIO(residual())
    with zipfile.ZipFile(whole, "a") as files:
        files.writestr("labels.txt", "cat")
    result = prune(whole.getvalue(), pictures(40), layers="after")
    with zipfile.ZipFile(io.BytesIO(result.model)) as files:
        assert files.read("labels.txt") == b"cat"


def test_constant_channels_and_few_samples_do_no_harm() -> None:
    """Damping draws what the data says nothing of to the dense weights."""
    x = pictures(10)
    x[..., 2] = 0.25
    result = prune(residual(), x, 0.75)
    for each in outputs(result.model, pictures(5, seed=7)):
        assert np.isfinite(each).all() and np.abs(each).max() < 100
    tree = flatbuffer.parse(result.model, "model")
    assert all(layer.candidate is not None for layer in find_layers(tree) if layer.op == "CONV_2D")


def test_the_report_is_json(pruned: PrunedFile) -> None:
    content = json.loads(pruned.to_json())
    assert content["samples"] == 105 and content["layers"][1]["name"] == "expand"
    assert content["layers"][0]["relative_error"] is None


def test_nothing_is_overwritten_unasked(pruned: PrunedFile, tmp_path: Path) -> None:
    path = tmp_path / "pruned.tflite"
    pruned.save(path)
    assert path.read_bytes() == pruned.model
    with pytest.raises(FileExistsError):
        pruned.save(path)
    pruned.save(path, overwrite=True)


def of_variables() -> bytes:
    drawn = Drawn()
    x = drawn.graph.input([1, 6, 6, 3])
    drawn.graph.output(drawn.conv(x, "w", 8, 1))
    drawn.graph.graph.tensors[drawn.graph.tensor([1, 2], "state")].isVariable = True
    return drawn.model.build()


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (residual(), {"sparsity": 1.5}, r"^sparsity is 1\.5; expected a number from 0 to 1"),
        (residual(), {"block_size": 3}, r"^block_size is 3; expected one of 1, 2, 4, 8, 16"),
        (
            residual(),
            {"pattern": "unstructured", "block_lanes": 4},
            r"^block_lanes is 4, but the pattern is 'unstructured': single weights; expected 1",
        ),
        (residual(), {"pattern": "blocks"}, r"^pattern is 'blocks'; expected one of unaligned"),
        (
            residual(),
            {"layers": "stam"},
            r"^layers: 'stam' matches no layer that can be pruned",
        ),
        (residual(), {"layers": "depthwise"}, r"'depthwise' cannot be: a depthwise convolution"),
        (residual(), {"layers": []}, r"^layers is \[\]; expected names of layers"),
        (residual(), {"samples": 0}, r"^samples is 0; expected a whole number of at least 1"),
        (
            residual(),
            {"block_size": 16, "layers": "boxes"},
            r"has 8 output channels, fewer than",
        ),
        (of_variables(), {}, r"has variables, which one inference keeps for the next"),
        (b"nothing", {}, r"not a TensorFlow Lite model"),
    ],
)
def test_what_is_refused(data: bytes, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        prune(data, pictures(20), **options)
    assert "\n" not in str(caught.value)


def test_fewer_samples_than_the_model_takes_at_once() -> None:
    drawn = Drawn()
    x = drawn.conv(drawn.graph.input([16, 6, 6, 3]), "first", 16, 1, activation=RELU)
    x = drawn.conv(x, "middle", 16, 1, activation=RELU)
    drawn.graph.output(drawn.conv(x, "last", 4, 1))
    data = drawn.model.build()
    with pytest.raises(ValueError, match=r"^data has 100 samples, for a model that takes 16 at"):
        prune(data, pictures(100, 6))
    assert prune(data, pictures(140, 6), samples=70).outputs[0].relative_error < 0.2


def test_models_without_anything_to_prune() -> None:
    drawn = Drawn()
    drawn.graph.output(drawn.conv(drawn.graph.input([1, 6, 6, 3]), "only", 8, 1))
    with pytest.raises(ValueError, match=r"has no layer to prune; .*\(found: no other layer"):
        prune(drawn.model.build(), pictures(20, 6))
    converted = ubp.convert(prune(residual(), pictures(20), 0.75).model, min_speedup=0).model
    with pytest.raises(ValueError, match="was converted before; prune the file from before"):
        prune(converted, pictures(20))


def uneven() -> bytes:
    """A layer that reads little but four lanes, and one that needs all of its weights."""
    drawn = Drawn()
    x = drawn.graph.input([1, 6, 6, 3])
    y = drawn.conv(x, "first", 16, 3, activation=RELU)
    easy = drawn.rng.normal(size=(16, 1, 1, 16)) * np.where(np.arange(16) % 4, 0.001, 1)
    weights = drawn.graph.constant(easy.astype(np.float32), "easy")
    y = drawn.graph.conv(y, weights, drawn.bias(16), activation=RELU)
    z = drawn.conv(x, "hard", 16, 3, activation=RELU)
    drawn.graph.output(drawn.conv(drawn.add(y, z), "last", 4, 1))
    return drawn.model.build()


@pytest.mark.parametrize("scope", ["global", "latency"])
def test_one_budget_goes_where_errors_cost_most(scope: str) -> None:
    data, x = uneven(), pictures(80, 6)
    apart = prune(data, x, 0.5, layers=["easy", "hard"])
    shared = prune(data, x, 0.5, layers=["easy", "hard"], scope=scope)
    kept = {name: layer.kept for name, layer in by_name(shared).items()}
    assert kept["easy"] < 0.5 < kept["hard"]
    assert shared.outputs[0].relative_error < apart.outputs[0].relative_error / 1.5
    if scope == "global":
        sizes = {layer.name: np.prod(layer.shape) for layer in shared.layers}
        total = sum(kept[name] * sizes[name] for name in ("easy", "hard"))
        assert total / (sizes["easy"] + sizes["hard"]) == pytest.approx(0.5, abs=0.02)


def test_a_budget_that_cannot_be_met() -> None:
    with pytest.raises(ValueError, match=r"^sparsity 1 cannot be reached with a block or 1% in ev"):
        prune(residual(), pictures(20), 1.0, scope="global")
    with pytest.raises(
        ValueError, match=r"^scope is 'all'; expected one of layer, global, latency"
    ):
        prune(residual(), pictures(20), scope="all")
