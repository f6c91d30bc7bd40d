# SPDX-License-Identifier: Apache-2.0
"""Budgets for several layers: scope "global" and "latency"."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest
from keras import layers
from pruning_models import assert_blocks, compiled, data, functional_model, mask_of, outputs

import ubp
from ubp.costs import DEFAULT_COSTS
from ubp.masking.schedules import ConstantSparsity, PolynomialDecay
from ubp.masking.updates import advance
from ubp.pruning.layers.pruned_layer import pruned_layers
from ubp.pruning.training.callbacks import begin

GRADUAL = PolynomialDecay(0.2, 0.9, 0, 8, frequency=1)
MODELS = {12: functional_model(12), 10: functional_model(10)}  # 4 divides 12 channels, not 10
COSTS = dataclasses.replace(DEFAULT_COSTS, block=DEFAULT_COSTS.block | {4: 1.0, 8: 40.0}, tile=4)


def kernels(model):
    return [kernel for layer in pruned_layers(model) for kernel in layer.kernels]


def blocks(model):
    """Kept blocks of each kernel."""
    sizes = [layer.settings.pattern.block_size for layer in pruned_layers(model)]
    return [mask_of(layer).sum() // n for layer, n in zip(pruned_layers(model), sizes, strict=True)]


def weights(model):
    return [kernel.size for kernel in kernels(model)]


def steps_of(pruned, count=8):
    """Yields step, scheduled sparsity, as masks follow GRADUAL while kernels change."""
    rng = np.random.default_rng(9)
    begin(pruned_layers(pruned))
    for step in range(count + 1):
        if step:
            for kernel in kernels(pruned):
                kernel.variable.assign(rng.normal(size=kernel.variable.shape))
            advance(pruned_layers(pruned))
        yield GRADUAL(step)[1]


@pytest.mark.parametrize(("channels", "method"), [(12, "bed"), (10, "optimal")])
def test_global_budget_at_every_update(channels, method):
    pruned = ubp.prune(MODELS[channels], GRADUAL, method=method, scope="global")
    for sparsity in steps_of(pruned):
        most = sum((kernel.shape[1] // 4) * kernel.shape[0] for kernel in kernels(pruned))
        expected = min(round((1.0 - sparsity) * sum(weights(pruned)) / 4), most)
        assert sum(blocks(pruned)) == expected
        chosen = ubp.select_blocks_global(
            [np.abs(kernel.stored()) for kernel in kernels(pruned)], 4, num_blocks=expected,
            normalize="lamp", min_density=0.01, method=method,
        )  # fmt: skip
        for layer, selection in zip(pruned_layers(pruned), chosen, strict=True):
            np.testing.assert_array_equal(mask_of(layer), selection.mask())
            assert_blocks(mask_of(layer), 4)


def test_layers_do_not_share_alike():
    pruned = ubp.prune(MODELS[12], ConstantSparsity(0.8), scope=ubp.GlobalBudget("none"))
    sparsities = [layer.sparsity for layer in pruned_layers(pruned)]
    assert np.ptp(sparsities) > 0.1
    assert np.average(sparsities, weights=weights(pruned)) == pytest.approx(0.8, abs=1e-3)


@pytest.mark.parametrize("sparsity", [0.3, 0.8])
def test_block_sizes_may_differ(sparsity):
    sizes = {"conv_3x3": 8, "hidden": 2, "*": 4}
    policy = {name: {"pattern": ubp.UnalignedBlock(n)} for name, n in sizes.items()}
    policy = {"stem": None, "classifier": None, **policy}
    pruned = ubp.prune(MODELS[12], ConstantSparsity(sparsity), layers=policy, scope="global")
    for layer in pruned_layers(pruned):
        assert_blocks(mask_of(layer), sizes.get(layer.name, 4))
    kept = sum(mask_of(layer).sum() for layer in pruned_layers(pruned))
    budget = (1.0 - sparsity) * sum(weights(pruned))
    assert budget - 8 < kept <= budget


@pytest.mark.parametrize("scope", ["global", "latency"])
def test_sparsity_that_blocks_cannot_reach(scope):
    """N divides no channel count: the most that fit are kept, 8 of 10 channels."""
    pruned = ubp.prune(MODELS[10], ConstantSparsity(0.01), layers="conv_*", scope=scope)
    for layer in pruned_layers(pruned):
        assert mask_of(layer).sum() == mask_of(layer).size * 8 // 10


def test_sparsity_zero_keeps_every_weight():
    pruned = ubp.prune(MODELS[10], ConstantSparsity(0.0), scope=ubp.GlobalBudget(max_density=0.5))
    assert all(layer.sparsity == 0.0 for layer in pruned_layers(pruned))


def overshadowed():
    """A network of which one layer's weights are all but zero."""
    model = functional_model()
    tiny = model.get_layer("branch_1x1").kernel
    tiny.assign(tiny * 1e-9)
    return model


@pytest.mark.parametrize("floor", [0.0, 0.001, 0.25])
@pytest.mark.parametrize("scope", [ubp.GlobalBudget, ubp.LatencyBudget])
def test_no_layer_keeps_less_than_min_density(floor, scope):
    pruned = ubp.prune(
        overshadowed(), ConstantSparsity(0.7), scope=scope(normalize="none", min_density=floor)
    )
    kept = dict(zip((kernel.name for kernel in kernels(pruned)), blocks(pruned), strict=True))
    assert kept["branch_1x1"] == {0.0: 0, 0.001: 1, 0.25: 9}[floor]  # of 36


def test_max_density():
    pruned = ubp.prune(MODELS[12], ConstantSparsity(0.4), scope=ubp.GlobalBudget(max_density=0.5))
    assert all(layer.sparsity == pytest.approx(0.5) for layer in pruned_layers(pruned))


def cost_of_all(pruned, costs):
    """(kept, whole) cost; positions counted by hand for 8x8 images: conv_3x3, strided, 1x1, hidden.

    A Dense layer of one position costs what `single` says.
    """
    positions = {"conv_3x3": 64, "conv_strided": 16, "branch_1x1": 16, "hidden": 1}
    kept = whole = 0.0
    for kernel, count, layer in zip(
        kernels(pruned), blocks(pruned), pruned_layers(pruned), strict=True
    ):
        n = layer.settings.pattern.block_size
        pixels = -(-positions[kernel.name] // costs.tile) * costs.tile
        cost = costs.single[n] if kernel.name == "hidden" else costs.block[n] * pixels
        kept, whole = kept + count * cost, whole + kernel.size / n * cost
    return kept, whole


@pytest.mark.parametrize(
    ("sparsity", "costs", "n"),
    [(0.3, COSTS, 1), (0.75, None, 1), (0.75, COSTS, 4), (0.95, None, 4)],
    ids=str,
)
def test_latency_budget_is_met_and_spent(sparsity, costs, n):
    pruned = ubp.prune(
        MODELS[12], ConstantSparsity(sparsity), ubp.UnalignedBlock(n),
        scope=ubp.LatencyBudget(costs=costs),
    )  # fmt: skip
    kept, whole = cost_of_all(pruned, costs or DEFAULT_COSTS)
    budget = (1.0 - sparsity) * whole
    assert kept <= budget * (1 + 1e-9)
    assert budget - kept <= 64 * (costs or DEFAULT_COSTS).block[n]  # less than the dearest block


def test_latency_budget_spares_cheap_layers():
    by_time = ubp.prune(MODELS[12], ConstantSparsity(0.8), scope="latency")
    by_weights = ubp.prune(MODELS[12], ConstantSparsity(0.8), scope="global")
    assert by_time.get_layer("hidden").sparsity < by_weights.get_layer("hidden").sparsity
    assert by_time.get_layer("conv_3x3").sparsity > by_weights.get_layer("conv_3x3").sparsity


@pytest.mark.parametrize("channels", [12, 10])
def test_latency_budget_at_every_update(channels):
    pruned = ubp.prune(MODELS[channels], GRADUAL, scope="latency")
    for sparsity in steps_of(pruned):
        kept, whole = cost_of_all(pruned, DEFAULT_COSTS)
        assert kept <= (1.0 - sparsity) * whole * (1 + 1e-9)


@pytest.mark.parametrize(
    "scope",
    [ubp.GlobalBudget("l2", 0.02, 0.9), ubp.LatencyBudget(costs=COSTS)],
    ids=["global", "latency"],
)
def test_saving_and_going_on(scope, tmp_path):
    def run(model, first, last):
        model.fit(*data(), batch_size=8, shuffle=False, verbose=0, initial_epoch=first, epochs=last,
                  callbacks=[ubp.UpdatePruning()])  # fmt: skip
        return model

    def fresh():
        model = functional_model()
        model.layers[-2].rate = 0.0  # a loaded Dropout starts from another seed
        return compiled(ubp.prune(model, GRADUAL, scope=scope), jit_compile=False)

    run(fresh(), 0, 1).save(tmp_path / "half.keras")
    loaded = keras.models.load_model(tmp_path / "half.keras")
    assert all(layer.settings.scope == scope for layer in pruned_layers(loaded))
    np.testing.assert_array_equal(outputs(run(loaded, 1, 2)), outputs(run(fresh(), 0, 2)))


def test_layers_of_another_schedule_have_a_budget_of_their_own():
    policy = {"conv_*": True, "hidden": 0.5, "branch*": {"sparsity": 0.5}}
    pruned = ubp.prune(MODELS[12], ConstantSparsity(0.8), layers=policy, scope="global")
    kept, sizes = (
        np.array([mask_of(layer).sum() for layer in pruned_layers(pruned)]),
        weights(pruned),
    )
    names = [layer.name for layer in pruned_layers(pruned)]
    dense = np.array([name in ("hidden", "branch_1x1") for name in names])
    assert kept[dense].sum() == 4 * round(0.5 * np.array(sizes)[dense].sum() / 4)
    assert kept[~dense].sum() == 4 * round(0.2 * np.array(sizes)[~dense].sum() / 4)


def with_nan(layer):
    model = functional_model()
    model.get_layer(layer).kernel.assign(np.full(model.get_layer(layer).kernel.shape, np.nan))
    return model


LATE = ConstantSparsity(0.5, begin_step=1000)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scope": "latency", "pattern": ubp.UnalignedBlock(3)},
         "layer 'conv_3x3': blocks of 3 channels have no known cost; .* needs blocks of 1, 2, 4"),
        ({"scope": "latency", "layers": {"hidden": {"pattern": ubp.UnalignedBlock(5)}},
          "schedule": LATE}, "layer 'hidden': blocks of 5 channels have no known cost"),
        ({"scope": "global", "schedule": ConstantSparsity(0.999)},
         r"sparsity 0.999 cannot be reached by 4 kernels together, of which each keeps "
         r"min_density=0.01 .* sparsity 0.9\d+. Lower the schedule's sparsity, or min_density"),
        ({"scope": ubp.LatencyBudget(min_density=0.6)}, "sparsity 0.5 cannot be reached by 4"),
        ({"scope": "global", "schedule": PolynomialDecay(0.0, 0.999, 1000, 2000)},
         "sparsity 0.999 cannot be reached by 4"),
        ({"scope": ubp.GlobalBudget(min_density=0.95), "pattern": ubp.UnalignedBlock(5),
          "schedule": LATE}, "layer 'conv_3x3': its mask cannot be .* min_density 0.95 asks for"),
        ({"scope": "global", "model": with_nan("hidden")},
         "layer 'hidden': its mask cannot be updated: importance contains nan"),
    ],
)  # fmt: skip
def test_what_cannot_be_met_is_said_before_training(options, message):
    given = {"model": MODELS[12], "schedule": ConstantSparsity(0.5)} | options
    with pytest.raises(ValueError, match=message):
        ubp.prune(**given)


@pytest.mark.parametrize("schedule", [ConstantSparsity(0.5), LATE])
def test_latency_needs_a_fixed_size(schedule):
    inputs = keras.Input((None, None, 2))
    x = layers.Conv2D(8, 3, name="b")(layers.Conv2D(8, 3, name="a")(inputs))
    model = keras.Model(inputs, layers.Dense(5)(layers.GlobalAveragePooling2D()(x)))
    with pytest.raises(
        ValueError, match=r"layer 'b': its cost is unknown, .* no fixed size; build"
    ):
        ubp.prune(model, schedule, scope="latency")
    ubp.prune(model, schedule, scope="global")


@pytest.mark.parametrize(
    ("make", "shape", "pixels", "single"),
    [
        (lambda: layers.Conv2DTranspose(8, 3, 2, padding="same", name="up"), (5, 4, 4), 20, False),
        (lambda: layers.Conv2DTranspose(8, (2, 3), (2, 1), name="up"), (5, 4, 4), 30, False),
        (lambda: layers.Conv2DTranspose(8, 2, 2, name="up"), (1, 1, 4), 1, True),
        (lambda: layers.Conv1DTranspose(8, 5, 3, padding="same", name="up"), (7, 4), 7, False),
    ],
)
def test_a_block_of_a_transposed_convolution_costs_what_the_converter_counts(
    make, shape, pixels, single
):
    inputs = keras.Input(shape)
    model = keras.Model(inputs, make()(inputs))
    pruned = ubp.prune(model, GRADUAL, scope="latency", layers="up")
    (kernel,) = kernels(pruned)
    scope, pattern = ubp.LatencyBudget(costs=COSTS), ubp.UnalignedBlock(4)
    table = COSTS.single if single else COSTS.block
    tiles = 1 if single else -(-pixels // COSTS.tile) * COSTS.tile
    assert scope.block_costs([kernel], [pattern]) == [table[4] * tiles]
    result = ubp.convert(ubp.strip(pruned), block_size=4, min_speedup=0)
    (report,) = result.report
    assert report.macs == pixels * np.prod(report.shape)
