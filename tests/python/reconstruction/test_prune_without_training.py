# SPDX-License-Identifier: Apache-2.0
"""`prune_without_training` on models of many topologies, and what it refuses."""

from __future__ import annotations

from functools import cache

import keras
import numpy as np
import pytest
from keras import layers
from rebuilt_models import (
    MODELS,
    SHAPE,
    as_graph,
    chain,
    inputs_of,
    mixed,
    pictures,
    randomised,
    residual,
    shared,
    subclassed,
    with_container,
)

import ubp
from ubp.conversion.cover import cover_lanes
from ubp.data.checks import relative_errors
from ubp.lanes import to_lanes
from ubp.pruning.layers.prunable import prunable_weights
from ubp.pruning.layers.walking import iterate_layers
from ubp.reconstruction.network.interception import calls_in

FOUR = ubp.UnalignedBlock(4)
QUIET = {"progress": False}


def rebuilt(model, sparsity=0.5, pattern=FOUR, **options):
    return ubp.prune_without_training(
        model, inputs_of(model), sparsity, pattern, **(QUIET | options)
    )


@cache
def half_of(make):
    """A model, its weights before half of them were pruned, and the result; not to be changed."""
    model = make()
    before = [weight.numpy().copy() for weight in model.weights]
    return model, before, rebuilt(model)


def outputs(model, inputs):
    return [np.asarray(each) for each in keras.tree.flatten(model(inputs, training=False))]


def error(model, other, inputs):
    return max(relative_errors([outputs(model, inputs)], [outputs(other, inputs)]))


def matrix_of(model, name):
    layer = next(each for each in iterate_layers(model) if each.name == name)
    (weight,) = prunable_weights(layer)
    return to_lanes(weight.variable.numpy(), weight.channel_axis)


@pytest.mark.parametrize("make", MODELS)
def test_any_topology_keeps_more_than_one_shot_pruning(make):
    model, before, result = half_of(make)
    one_shot = ubp.strip(ubp.prune(model, ubp.ConstantSparsity(0.5), FOUR))
    given = inputs_of(model, 64)
    assert error(model, result.model, given) < 0.7 * error(model, one_shot, given)
    assert {layer.name for layer in result.report.pruned} == {
        layer.name
        for layer in iterate_layers(one_shot)
        for weight in layer.weights
        if len(weight.shape) > 1 and np.mean(weight.numpy() == 0) > 0.2
    }
    for row in result.report.pruned:
        zeros = np.mean(matrix_of(result.model, row.name) == 0)
        assert zeros == pytest.approx(1 - row.kept) and abs(zeros - 0.5) < 0.06
        assert 0 <= row.relative_error < 1 and row.seconds > 0 and row.samples > 0
    for weight, values in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), values)
    assert result.report.held_out and len(result.report.output_errors) == len(outputs(model, given))
    assert not any("call" in vars(layer) for layer in iterate_layers(model))


@pytest.mark.parametrize("make", [subclassed, with_container])
def test_code_of_its_own_is_rebuilt_as_the_same_graph_is(make):
    """Of which one is intercepted, the other followed."""
    (*_, ours), (*_, graph) = half_of(make), half_of(as_graph)
    for one, other in zip(ours.model.get_weights(), graph.model.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-3, atol=2e-4)
    assert [row.kind for row in ours.report.layers] == [row.kind for row in graph.report.layers]


@pytest.mark.parametrize("pattern", [FOUR, ubp.AlignedBlock(4), ubp.Unstructured()])
def test_patterns(pattern):
    result = rebuilt(residual(), pattern=pattern)
    kept = matrix_of(result.model, "inner") != 0
    assert kept.mean() == pytest.approx(0.5)
    groups = kept.reshape(len(kept), -1, 4)
    aligned = (groups.all(axis=2) | ~groups.any(axis=2)).all()
    assert aligned == isinstance(pattern, ubp.AlignedBlock)


@pytest.mark.parametrize("scope", ["layer", "global"])
@pytest.mark.parametrize("kind", [ubp.UnalignedBlock, ubp.AlignedBlock])
def test_blocks_of_several_lanes(kind, scope):
    """Which beat the largest 2 x 4 blocks as they are; the first layer reads 3 channels."""
    model, pattern = residual(), kind(2, lanes=4)
    result = rebuilt(model, pattern=pattern, scope=scope)
    masks = [matrix_of(result.model, row.name) != 0 for row in result.report.pruned]
    assert [row.name for row in result.report.pruned] == ["inner", "middle", "bare"]
    for mask in masks:
        groups = mask.reshape(-1, 4, mask.shape[1])
        assert (groups.all(axis=1) == groups.any(axis=1)).all()
        assert cover_lanes(groups[:, 0], 2).count * 8 == mask.sum()
    assert sum(mask.sum() for mask in masks) == sum(mask.size for mask in masks) // 2
    one_shot = ubp.strip(ubp.prune(model, ubp.ConstantSparsity(0.5), pattern, scope=scope))
    given = inputs_of(model, 64)
    assert error(model, result.model, given) < 0.7 * error(model, one_shot, given)


def test_same_seed_same_result():
    first, second, other = (rebuilt(chain(), seed=seed).model for seed in (1, 1, 2))
    for one, two in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    assert any(
        (one != two).any()
        for one, two in zip(first.get_weights(), other.get_weights(), strict=True)
    )


def test_layers_with_settings_of_their_own():
    policy = {"second": 0.75, "third": {"sparsity": 0.25, "pattern": ubp.UnalignedBlock(2)}}
    result = rebuilt(chain(), layers=policy)
    kept = {row.name: row.kept for row in result.report.pruned}
    assert kept == {"second": pytest.approx(0.25), "third": pytest.approx(0.75)}


def test_only_what_changes_is_touched():
    model = chain()
    result = rebuilt(model, layers="third", refit=False)
    assert [(row.name, row.kind, row.norm) for row in result.report.layers] == [
        ("third", "pruned", "third_norm")
    ]
    for before, after in zip(model.layers, result.model.layers, strict=True):
        if before.name not in ("third", "third_norm"):
            for one, two in zip(before.get_weights(), after.get_weights(), strict=True):
                np.testing.assert_array_equal(one, two)


def test_dense_neighbours_are_refitted_and_help():
    model, data, judged = chain(), pictures(400), pictures(64, 9)
    with_them, without = (
        ubp.prune_without_training(model, data, 0.6, refit=refit, **QUIET)
        for refit in (True, False)
    )
    kinds = [row.kind for row in with_them.report.layers]
    assert kinds.count("re-fitted depthwise") == kinds.count("re-fitted") == 1
    assert error(model, with_them.model, judged) < error(model, without.model, judged)


@keras.saving.register_keras_serializable(package="reconstruction_tests")
class Before(keras.Model):
    """Normalisation before convolutions, as in networks of residual sums."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.first = layers.Conv2D(8, 3, name="first")
        self.norms = [layers.BatchNormalization(name=f"norm_{index}") for index in range(2)]
        self.convs = [layers.Conv2D(8, 1, name=f"conv_{index}") for index in range(2)]
        self.last = layers.Dense(4, name="last")

    def call(self, x, training=None):
        x = self.first(x)
        for norm, conv in zip(self.norms, self.convs, strict=True):
            x = x + conv(keras.ops.relu(norm(x, training=training)))
        return self.last(keras.ops.mean(x, axis=(1, 2)))


def before():
    model = Before()
    model(pictures(2))
    return randomised(model)


@pytest.mark.parametrize(
    ("make", "norm", "kind"),
    [
        (chain, "second_norm", None),
        (with_container, "norm", None),
        (before, "norm_1", "statistics"),
    ],
)
def test_normalisation_gives_outputs_of_the_same_mean_and_variance(make, norm, kind):
    """As in the dense model on the same samples, whether these fit its statistics or not."""
    model, given = make(), pictures(300)
    result = ubp.prune_without_training(model, given, 0.5, refit=False, samples=256, **QUIET)
    own, dense = (normalised(each, norm, given) for each in (result.model, model))
    np.testing.assert_allclose(own.mean((0, 1, 2)), dense.mean((0, 1, 2)), atol=0.1)
    np.testing.assert_allclose(own.std((0, 1, 2)), dense.std((0, 1, 2)), rtol=0.1)
    rows = [row.kind for row in result.report.layers if row.name == norm]
    assert rows == ([kind] if kind else [])


def normalised(model, name, given):
    """What leaves a normalisation."""
    layer = next(each for each in iterate_layers(model) if each.name == name)
    (call, *_) = calls_in(lambda: model(given, training=False), [layer])
    return np.asarray(call.outputs)


def test_the_result_converts_and_trains_on():
    result = rebuilt(chain(), 0.75)
    converted = ubp.convert(result.model)
    assert any(layer.taken for layer in converted.report)
    pruned = ubp.prune(result.model, ubp.ConstantSparsity(0.75), FOUR)
    assert matrix_of(ubp.strip(pruned), "second")[matrix_of(result.model, "second") == 0].max() == 0
    pruned.compile("sgd", "mse", jit_compile=False)
    pruned.fit(pictures(8), np.zeros((8, 5)), callbacks=[ubp.UpdatePruning()], verbose=0)


def test_the_report_is_printed(capsys):
    half_of(shared)[2].report.print()
    shown = capsys.readouterr().out
    assert "again" in shown and "held out" in shown and "50.0% zeros" in shown


def test_many_pixels_are_drawn(monkeypatch):
    monkeypatch.setattr("ubp.reconstruction.network.preparation._MOST_SAMPLES", 200)
    result = rebuilt(chain())
    samples = {row.name: row.samples for row in result.report.layers}
    assert samples["second"] == 200
    assert result.report.output_errors[0] < 0.5


@keras.saving.register_keras_serializable(package="reconstruction_tests")
class Doubled(layers.Dense):
    def call(self, inputs):
        return 2 * super().call(inputs)


@keras.saving.register_keras_serializable(package="reconstruction_tests")
class Own(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)

    def build(self, shape):
        self.kernel = self.add_weight(name="kernel", shape=(shape[-1], 8))

    def call(self, inputs):
        return inputs @ self.kernel

    def get_prunable_weights(self):
        return [self.kernel]


def dense_model(kind):
    inputs = keras.Input((6,))
    x = layers.Dense(8, name="first")(inputs)
    x = layers.Dense(8, name="second")(kind(**({"units": 8} if kind is not Own else {}))(x))
    return keras.Model(inputs, layers.Dense(8, name="last")(x))


def test_layers_that_compute_something_else_are_left_or_refused():
    data = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)
    model = dense_model(Own)
    own = model.layers[2].name
    result = ubp.prune_without_training(model, data, 0.5, **QUIET)
    assert own not in {row.name for row in result.report.layers}
    with pytest.raises(ValueError, match=f"'{own}' cannot be rebuilt: it is a Own"):
        ubp.prune_without_training(model, data, 0.5, layers=own, **QUIET)
    with pytest.raises(ValueError, match="does not compute what its kind does"):
        ubp.prune_without_training(dense_model(Doubled), data, 0.5, **QUIET)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (pictures(1), "1 sample; expected at least 8"),
        (np.zeros((20, *SHAPE), np.float32), "all the same"),
        (np.full((20, *SHAPE), np.nan, np.float32), "not finite"),
        (pictures(20)[:, :5], r"shape \(20, 5, 10, 3\); expected \(samples, 10, 10, 3\)"),
        ("no such file", "no such file"),
    ],
)
def test_bad_data_is_refused(data, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        ubp.prune_without_training(chain(), data, 0.5, **QUIET)


def test_few_and_dead_samples_give_a_sound_model():
    """Fewer samples than lanes, and a channel that is always zero."""
    data = pictures(10)
    data[..., 1] = 0
    result = ubp.prune_without_training(residual(), data, 0.5, **QUIET)
    assert all(np.isfinite(weight).all() for weight in result.model.get_weights())
    assert error(residual(), result.model, pictures(64, 5)) < 1


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"sparsity": 1.0}, "sparsity is 1.0; expected a number above 0, below 1"),
        ({"damping": 0}, "damping is 0; expected"),
        ({"seed": -1}, "seed is -1"),
        ({"layers": "nothing"}, "no layer named 'nothing'"),
        ({"method": "best"}, "method is 'best'"),
        ({"samples": 0}, "samples is 0"),
    ],
)
def test_wrong_arguments_are_told(changed, message):
    with pytest.raises(ValueError, match=message):
        rebuilt(chain(), **changed)


def test_other_models_are_refused():
    with pytest.raises(TypeError, match="expected a Keras 3 model"):
        ubp.prune_without_training("model", pictures(), **QUIET)
    with pytest.raises(ValueError, match=r"pruned by ubp\.prune"):
        rebuilt(ubp.prune(chain(), ubp.ConstantSparsity(0.5)))
    inputs = keras.Input(SHAPE)
    noisy = layers.Dropout(0.5)(layers.Conv2D(8, 3, name="c")(inputs), training=True)
    with pytest.raises(ValueError, match="called with training=True"):
        rebuilt(keras.Model(inputs, layers.Dense(8, name="d")(layers.Dense(8)(noisy))))


def test_no_file_is_left_behind(monkeypatch, tmp_path):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    rebuilt(mixed())
    assert not list(tmp_path.iterdir())
