# SPDX-License-Identifier: Apache-2.0
"""Permuted channels: the copy and its weights, the untouched original, the report."""

from __future__ import annotations

import io

import keras
import numpy as np
import pytest
from keras import layers
from permutation_models import assert_same_function, build, conv, group_of, permute
from pruning_models import compiled, functional_model, sequential_model
from rich.console import Console

import ubp
from ubp.lanes import to_lanes
from ubp.pruning.channels import permute as permute_module
from ubp.pruning.channels.flow import ChannelFlow


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
        right(ChannelFlow(flow.caller, flow.channels, kept, flow.traces), copies, orders)

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
