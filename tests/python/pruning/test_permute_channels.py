"""Permuted channels: the same function, the right groups, better blocks, an untouched original."""

from __future__ import annotations

import io

import keras
import numpy as np
import pytest
from keras import layers, ops
from permutation_models import (
    assert_permuted,
    assert_same_function,
    build,
    group_of,
    permute,
    randomise,
)
from pruning_models import compiled, functional_model, sequential_model
from rich.console import Console

import ubp
from ubp.lanes import to_lanes
from ubp.pruning.permutation import permute as permute_module
from ubp.pruning.permutation.flow import ChannelFlow


def conv(channels, kernel=1, **options):
    return layers.Conv2D(channels, kernel, padding="same", **options)


def block(x, channels, name):
    x = layers.Conv2D(channels, 3, padding="same", use_bias=False, name=name)(x)
    return layers.ReLU()(layers.BatchNormalization()(x))


# ---- which layers share an order --------------------------------------------------------------


def test_plain_network_with_flatten():
    result = assert_permuted(sequential_model(), {"conv_1x1"}, {"hidden"})
    assert group_of(result.report, "conv_1x1").channels == 10
    assert group_of(result.report, "stem").reasons == ("none of its layers is pruned",)
    assert group_of(result.report, "classifier").reasons[0] == "the model's output 'classifier'"


def test_residual_network_with_operators():
    result = assert_permuted(
        functional_model(), {"conv_3x3"}, {"branch_1x1", "conv_strided"}, {"hidden"}
    )
    assert group_of(result.report, "conv_3x3").followers == ("depthwise",)
    assert len(group_of(result.report, "branch_1x1").layers) == 2


def test_residual_sums_join_all_layers_of_a_stage():
    def body(x):
        x = block(x, 12, "stem")
        for name in ("first", "second"):
            y = block(block(x, 16, f"{name}_inner"), 12, f"{name}_outer")
            x = layers.Add()([x, y])
        return layers.Dense(3)(layers.GlobalAveragePooling2D()(x))

    assert_permuted(
        build(body), {"stem", "first_outer", "second_outer"}, {"first_inner"}, {"second_inner"}
    )


@pytest.mark.parametrize("kind", ["convolutions", "dense", "operators"])
def test_squeeze_and_excite(kind):
    def body(x):
        x = block(x, 12, "features")
        if kind == "convolutions":
            gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
            gate = layers.Conv2D(8, 1, activation="relu", name="reduce")(gate)
            gate = layers.Conv2D(12, 1, activation="sigmoid", name="expand")(gate)
        else:
            pool = layers.GlobalAveragePooling2D()
            gate = ops.mean(x, axis=(1, 2)) if kind == "operators" else pool(x)
            gate = layers.Dense(8, activation="relu", name="reduce")(gate)
            gate = layers.Dense(12, activation="hard_sigmoid", name="expand")(gate)
            gate = layers.Reshape((1, 1, 12))(gate)
        x = x * gate if kind == "operators" else layers.Multiply()([x, gate])
        return layers.Dense(3)(layers.Flatten()(x))

    assert_permuted(build(body), {"features", "expand"}, {"reduce"})


def test_gate_of_positions_does_not_join_channels():
    def body(x):
        x = block(x, 12, "features")
        x = layers.Multiply()([x, conv(1, activation="sigmoid", name="gate")(x)])
        return layers.Dense(3)(layers.GlobalMaxPooling2D()(x))

    assert_permuted(build(body), {"features"}, layers=["features"])


def test_concatenation_keeps_segments_apart():
    def body(x):
        left, right = block(x, 8, "left"), block(x, 12, "right")
        x = layers.Concatenate()([left, right, left])
        x = layers.BatchNormalization(name="norm")(x)
        x = block(x, 16, "joined")
        return layers.Dense(3)(layers.GlobalAveragePooling2D()(x))

    chosen = ["left", "right", "joined"]
    result = assert_permuted(build(body), *({name} for name in chosen), layers=chosen)
    assert "norm" in group_of(result.report, "left").followers


def test_concatenations_that_are_added_share_their_segments():
    def body(x):
        parts = [conv(8, name=name)(x) for name in ("a", "b", "c", "d")]
        x = ops.concatenate(parts[:2], axis=-1) + ops.concatenate(parts[2:], axis=-1)
        return layers.Dense(3)(layers.GlobalAveragePooling2D()(x))

    assert_permuted(build(body), {"a", "c"}, {"b", "d"}, layers=["a", "b", "c", "d"])


def test_concatenation_of_positions_joins_channels():
    def body(x):
        x = layers.Concatenate(axis=1)([conv(8, name="top")(x), conv(8, name="bottom")(x)])
        return layers.Dense(3)(layers.GlobalAveragePooling2D()(x))

    assert_permuted(build(body), {"top", "bottom"})


def test_flatten_repeats_segments_for_every_position():
    def body(x):
        x = layers.Concatenate()([conv(8, name="a")(x), conv(9, name="b")(x)])
        x = layers.MaxPooling2D()(x)
        return layers.Dense(3)(layers.Flatten()(x))

    assert_permuted(build(body), {"a"}, {"b"}, layers=["a", "b"])


def test_shapes_and_positions():
    def body(x):
        x = conv(12, 3, strides=2, activation="silu", name="features")(x)
        x = layers.ZeroPadding2D()(layers.SpatialDropout2D(0.1)(x))
        x = layers.Cropping2D(1)(layers.UpSampling2D()(x))
        x = layers.Reshape((-1, 12))(layers.AveragePooling2D(2)(x))
        x = layers.GlobalAveragePooling1D(keepdims=True)(x)
        x = ops.expand_dims(ops.squeeze(x, axis=1), axis=1)
        return layers.Dense(3)(layers.Reshape((12,))(x))

    assert_permuted(build(body), {"features"}, layers=["features"])


def test_other_layers_with_weights():
    def body(x):
        x = conv(8, name="first")(x)
        x = layers.SeparableConv2D(12, 3, name="separable")(x)
        x = layers.PReLU(shared_axes=[1, 2])(layers.LayerNormalization()(x))
        x = conv(10, name="second")(x)
        x = layers.PReLU()(conv(10, 3, groups=10, name="depthwise")(x))
        x = layers.Conv2DTranspose(6, 3, name="transposed")(x)
        x = conv(8, name="third")(x)
        return layers.Dense(3)(layers.GlobalAveragePooling2D()(x))

    chosen = ["first", "second", "third"]
    assert_permuted(build(body), {"first"}, {"second"}, {"third"}, layers=chosen)


@pytest.mark.parametrize(
    "function",
    [
        lambda a, b: (a + 3.0) * (1 / 6) + b,
        lambda a, b: ops.maximum(a, b) / 2,
        lambda a, b: ops.relu6(a) - ops.square(ops.sigmoid(b)),
        lambda a, b: layers.Average()([a, b, ops.softmax(a)]),
        lambda a, b: layers.Minimum()([a, layers.Activation("hard_silu")(b)]),
        lambda a, b: layers.Rescaling(0.5, offset=1.0)(layers.Subtract()([a, b])),
    ],
)
def test_elementwise_functions_join_channels(function):
    def body(x):
        x = function(conv(12, name="a")(x), conv(12, name="b")(x))
        return layers.Dense(3)(layers.Flatten()(x))

    assert_permuted(build(body), {"a", "b"}, layers=["a", "b"])


def test_one_dimension():
    def body(x):
        x = layers.Conv1D(12, 3, name="features")(x)
        x = layers.Dense(16, name="dense")(layers.MaxPooling1D()(x))
        return layers.Dense(3)(layers.GlobalAveragePooling1D()(x))

    assert_permuted(build(body, shape=(16, 4)), {"dense"})


# ---- shared layers, nested models, several inputs and outputs ---------------------------------


def test_shared_layer_joins_what_it_is_given():
    def body(x):
        shared = conv(8, 3, name="shared")
        x = layers.Concatenate()([shared(conv(12, name=n)(x)) for n in ("a", "b")])
        return layers.Dense(3)(layers.GlobalAveragePooling2D()(x))

    chosen = ["a", "b", "shared"]
    assert_permuted(build(body), {"a", "b"}, {"shared"}, layers=chosen)


def test_recurrent_use_of_a_layer_joins_input_and_output():
    def body(x):
        x, again = conv(8, name="first")(x), conv(8, 3, name="again")
        return layers.Dense(3)(layers.GlobalAveragePooling2D()(again(again(x))))

    assert_permuted(build(body), {"first", "again"}, layers=["first", "again"])


def test_outputs_and_inputs_stay_in_their_order():
    first, second = keras.Input((8, 8, 12), name="first"), keras.Input((6,), name="second")
    x = layers.Add()([conv(12, 3, name="on_input")(first), first])
    hidden = layers.Dense(12, name="hidden")(second)
    gated = x * layers.Reshape((1, 1, 12))(layers.Dense(12, name="gate")(hidden))
    inner = conv(16, name="inner")(gated)
    outputs = {"map": conv(4, name="map")(inner), "hidden": hidden}
    model = randomise(keras.Model({"first": first, "second": second}, outputs))
    chosen = ["on_input", "hidden", "gate", "inner", "map"]
    result = assert_permuted(model, {"inner"}, layers=chosen)
    assert group_of(result.report, "on_input").reasons == ("the model's input 'first'",)
    assert group_of(result.report, "on_input").producers == ("on_input", "gate")
    for name in ("map", "hidden"):
        assert group_of(result.report, name).reasons[0].startswith("the model's output '")


def test_nested_models_are_followed():
    inner = keras.Input((8, 8, 12))
    body = keras.Model(inner, block(conv(16, name="inner")(inner), 20, "end"), name="body")
    head = keras.Sequential([layers.Dense(8, name="dense"), layers.ReLU()], name="head")

    def outer(x):
        x = body(conv(12, name="stem")(x))
        return layers.Dense(3)(head(layers.GlobalAveragePooling2D()(x)))

    model = build(outer)
    result = assert_permuted(
        model, {"stem"}, {"inner"}, {"end"}, {"dense"}, layers=["stem", "inner", "end", "dense"]
    )
    assert [layer.name for layer in result.model.layers] == [layer.name for layer in model.layers]


def test_shared_nested_model_joins_what_it_is_given():
    inner = keras.Input((8, 8, 12))
    tower = keras.Model(inner, conv(16, 3, name="tower")(inner))

    def body(x):
        x = layers.Concatenate()([tower(conv(12, name=n)(x)) for n in ("a", "b")])
        return layers.Dense(3)(layers.GlobalAveragePooling2D()(x))

    assert_permuted(build(body), {"a", "b"}, {"tower"}, layers=["a", "b", "tower"])


def test_nested_model_with_named_inputs():
    named = {name: keras.Input((8, 8, 12), name=name) for name in ("q", "p")}
    joined = layers.Concatenate()([named["q"], named["p"]])
    inner = keras.Model(named, conv(16, name="inner")(joined))

    def body(x):
        x = inner({name: conv(12, name=f"to_{name}")(x) for name in ("p", "q")})
        return layers.Dense(3)(layers.GlobalAveragePooling2D()(x))

    chosen = ["to_p", "to_q", "inner"]
    assert_permuted(build(body), *({name} for name in chosen), layers=chosen)


def test_nested_model_that_is_given_other_ranks_is_refused():
    inner = keras.Input((16, 1))
    nested = keras.Model(inner, layers.Dense(8)(inner), name="nested")
    model = build(lambda x: nested(layers.Dense(16, name="wide")(x)), shape=(4,))
    with pytest.raises(ValueError, match=r"'nested' .* is called on .*None, 16.* was made for"):
        permute(model, layers=["wide"])


# ---- the copy, the original and the report ----------------------------------------------------


@pytest.mark.parametrize("make", [functional_model, sequential_model])
def test_original_is_untouched(make):
    model = compiled(make())
    before, config = model.get_weights(), model.get_config()
    permuted = permute(model).model
    assert model.get_config() == config
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    for layer in (*model.layers, *permuted.layers):
        assert layer.output is not None  # fails if the layer had been called a second time
    assert type(permuted) is type(model) and permuted.name == model.name and permuted.compiled
    assert permuted.get_config() == config


def test_weights_are_those_of_the_original_in_the_reported_order():
    model = sequential_model()
    permuted, report = permute(model)
    order = group_of(report, "conv_1x1").order
    assert sorted(order) == list(range(10)) and not order.flags.writeable
    for weight, moved in zip(
        model.get_layer("conv_1x1").get_weights(),
        permuted.get_layer("conv_1x1").get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(moved, weight[..., order])
    rows = model.get_layer("hidden").kernel.numpy().reshape(36, 10, 16)[:, order]
    hidden = group_of(report, "hidden").order
    np.testing.assert_array_equal(
        permuted.get_layer("hidden").kernel.numpy(), rows.reshape(360, 16)[:, hidden]
    )


def test_report_counts_what_optimal_blocks_keep():
    model = functional_model()
    permuted, report = permute(model, method="hill_climb", rounds=10)
    for group in report.groups:
        for layer in group.layers:
            for net, kept in ((model, layer.before), (permuted, layer.after)):
                importance = np.abs(to_lanes(net.get_layer(layer.name).kernel.numpy(), -1))
                selection = ubp.select_blocks(importance, 4, sparsity=0.5)
                assert kept == pytest.approx(selection.score, rel=1e-6)
                assert layer.total == pytest.approx(importance.sum(), rel=1e-6)
        assert group.kept_after > group.kept_before or not group.permuted
    assert report.kept_after > report.kept_before
    assert 0 <= report.max_difference < 1e-5


def test_report_as_a_table():
    text = io.StringIO()
    permute(sequential_model()).report.print(Console(file=text, width=120))
    assert "permuted" in text.getvalue()
    assert "left: the model's output 'classifier'" in text.getvalue()


def test_only_named_layers_are_counted():
    _, report = permute(functional_model(), layers=["conv_strided", "stem"])
    assert [each.name for each in group_of(report, "conv_strided").layers] == ["conv_strided"]
    assert group_of(report, "stem").permuted
    assert group_of(report, "conv_3x3").reasons == ("none of its layers is pruned",)


def test_no_better_order_is_reported():
    def body(x):
        return layers.Dense(3)(layers.Dense(8, name="flat", kernel_initializer="ones")(x))

    model = keras.Model(inputs := keras.Input((4,)), body(inputs))
    _, report = permute(model, layers=["flat"])
    assert group_of(report, "flat").reasons == ("no better order was found",)


def test_sizes_left_open():
    def body(x):
        return layers.Dense(3)(layers.GlobalAveragePooling2D()(conv(12, 3, name="c")(x)))

    model = build(body, shape=(None, None, 3))
    assert group_of(permute(model, layers=["c"]).report, "c").permuted
    images = np.ones((2, 10, 10, 3), np.float32)
    assert group_of(permute(model, layers=["c"], check_inputs=images).report, "c").permuted


def test_embedding_of_integers():
    inputs = keras.Input((5,), dtype="int32")
    x = layers.Dense(16, name="hidden")(layers.Embedding(7, 8)(inputs))
    model = keras.Model(inputs, layers.Dense(2)(layers.Flatten()(x)))
    assert group_of(permute(model, layers=["hidden"]).report, "hidden").permuted


@pytest.mark.parametrize("layer", ["conv_3x3", "depthwise", "branch_1x1", "hidden"])
def test_a_mistake_is_noticed(monkeypatch, layer):
    """Every axis that channels run along matters: without any of them, the check fails."""

    def forget(flow, copies, orders):
        kept = [axis for axis in flow.axes if axis.layer.name != layer]
        right(ChannelFlow(flow.channels, kept, flow.traces), copies, orders)

    right = permute_module._permute_weights
    monkeypatch.setattr(permute_module, "_permute_weights", forget)
    with pytest.raises(RuntimeError, match=f"layer '{layer}' .* of the copy differs from the orig"):
        permute(functional_model())


@pytest.mark.parametrize("method", ["chain", "hill_climb"])
def test_pruned_and_converted_afterwards(method):
    model = functional_model(channels=32)
    permuted, _ = permute(model, sparsity=0.8, method=method)
    sums = []
    for each in (model, permuted):
        final = ubp.strip(ubp.prune(each, ubp.ConstantSparsity(0.8)))
        sums.append(sum(np.abs(w).sum() for w in final.get_weights() if w.ndim > 1))
    assert sums[1] > sums[0]
    result = ubp.convert(final, min_speedup=0)
    assert any(layer.taken for layer in result.report)
    images = np.random.default_rng(0).standard_normal((1, 8, 8, 2)).astype(np.float32)
    interpreter = ubp.Interpreter(result.model)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], images)
    interpreter.invoke()
    found = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    np.testing.assert_allclose(found, final(images), rtol=1e-4, atol=1e-5)


def test_permuted_model_is_saved_and_loaded(tmp_path):
    permuted = permute(functional_model()).model
    permuted.save(tmp_path / "model.keras")
    assert_same_function(permuted, keras.models.load_model(tmp_path / "model.keras"))
