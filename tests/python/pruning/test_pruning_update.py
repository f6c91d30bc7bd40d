# SPDX-License-Identifier: Apache-2.0
"""What updates report: MaskUpdate, the callback's line, the live sparsity."""

from __future__ import annotations

import itertools
import re

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers
from pruning_models import compiled, data, functional_model, runs, sequential_model

import ubp
from ubp.masking.updates import advance
from ubp.pruning.layers.pruned_layer import pruned_layers
from ubp.pruning.training.callbacks import begin

GRADUAL = ubp.PolynomialDecay(0.25, 0.75, begin_step=2, end_step=6, power=1, frequency=2)


def blocks_of(mask, n):
    """(lane, start) of each block, by walking."""
    return [
        (lane, start + offset)
        for lane, row in enumerate(mask)
        for start, length in runs(row)
        for offset in range(0, length, n)
    ]


@settings(max_examples=25, deadline=None)
@given(
    n=st.integers(1, 5),
    m=st.sampled_from([1, 2, 4]),
    groups=st.integers(1, 6),
    channels=st.integers(5, 11),
    sparsity=st.sampled_from([0.0, 0.2, 0.5, 0.9, 0.99]),
    seed=st.integers(0, 99),
)
def test_figures_of_an_update(n, m, groups, channels, sparsity, seed):
    rng, lanes = np.random.default_rng(seed), m * groups
    schedule = ubp.ConstantSparsity(sparsity, frequency=1)
    layer = ubp.prune(layers.Dense(channels, name="x"), schedule, ubp.UnalignedBlock(n, m))
    layer.build((None, lanes))
    (kernel,) = layer.kernels
    kernel.variable.assign(rng.normal(size=kernel.shape))
    begin([layer])
    before = kernel.mask.numpy()
    weights = rng.normal(size=kernel.shape).astype(np.float32)
    kernel.variable.assign(weights)
    (update,) = advance([layer])
    after, importance = kernel.mask.numpy(), np.abs(weights).astype(np.float64)

    kept = list(itertools.compress(np.ndindex(after.shape), after.flat))
    assert (update.name, update.step, update.size) == ("x", 1, lanes * channels)
    assert update.sparsity == pytest.approx(1 - len(kept) / after.size)
    returned = sum(not before[at] for at in kept)
    assert update.moved == pytest.approx(returned / len(kept) if kept else 0.0)
    share = sum(importance[at] for at in kept) / importance.sum()
    assert update.kept_importance == pytest.approx(share)
    sums = [
        importance[group * m : (group + 1) * m, start : start + n].sum()
        for group, start in blocks_of(after[::m], n)
    ]
    least = min(sums, default=0.0) if not after.all() else 0.0
    assert update.threshold == pytest.approx(least, rel=1e-6)


def test_importance_of_zeros_is_kept_whole():
    layer = ubp.prune(layers.Dense(8, name="x", kernel_initializer="zeros"), GRADUAL)
    layer.build((None, 4))
    begin([layer])
    (update,) = advance([layer], 2)
    assert (update.kept_importance, update.threshold) == (1.0, 0.0)


def test_updates_come_at_the_scheduled_steps_only():
    found = []
    pruned = ubp.prune(functional_model(), GRADUAL)
    assert begin(pruned_layers(pruned)) == []
    for _ in range(8):
        found.append([update.step for update in advance(pruned_layers(pruned))])
    assert found == [[], [2] * 4, [], [4] * 4, [], [6] * 4, [], []]


def test_several_steps_at_once_make_one_update():
    pruned = ubp.prune(functional_model(), GRADUAL)
    begin(pruned_layers(pruned))
    updates = advance(pruned_layers(pruned), 5)
    assert len(updates) == 4
    assert all(update.sparsity == pytest.approx(0.5, abs=0.02) for update in updates)  # of step 4


class Watch(keras.callbacks.Callback):
    """The sparsity in the logs of each batch, and in truth."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        sizes = [layer.kernels[0].size for layer in pruned_layers(self.model)]
        masks = [layer.kernels[0].mask.numpy() for layer in pruned_layers(self.model)]
        truth = 1 - sum(mask.sum() for mask in masks) / sum(sizes)
        self.seen.append((logs["sparsity"], truth))


def fit(callbacks, model=None, epochs=2):
    model = model or compiled(ubp.prune(sequential_model(), GRADUAL), jit_compile=False)
    x, y = data()
    model.fit(x, y, batch_size=8, epochs=epochs, verbose=0, callbacks=callbacks)
    return model


def test_live_sparsity_and_updates():
    update, watch = ubp.UpdatePruning(), Watch()
    assert update.updates == []
    fit([update, watch])
    logged, truth = zip(*watch.seen, strict=True)
    assert logged == pytest.approx(truth)
    assert logged == pytest.approx([0, 0.25, 0.25, 0.5, 0.5, 0.75, 0.75, 0.75], abs=0.01)
    assert [(each.name, each.step) for each in update.updates] == [("conv_1x1", 6), ("hidden", 6)]


def test_verbose_logs_a_line_for_each_update(caplog, capsys):
    fit([ubp.UpdatePruning(verbose=1)])
    assert capsys.readouterr().out == ""  # pytest has set up handlers
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("ubp.")]
    pattern = (
        r"UpdatePruning: step (\d+): (\d+\.\d\d)% of 2 kernels pruned, (\d+\.\d)% of the kept "
        r"weights came back, (\d+\.\d)% of importance kept, updated in \d+\.\d\d s"
    )
    found = [re.fullmatch(pattern, line).groups() for line in lines]
    assert [int(step) for step, *_ in found] == [2, 4, 6]
    assert [float(pruned) for _, pruned, *_ in found] == pytest.approx([25, 50, 75], abs=1)
    assert float(found[0][2]) == 0.0  # nothing can come back in the first
    importance = [float(kept) for *_, kept in found]
    assert importance == sorted(importance, reverse=True) and importance[0] < 100


def test_silent_by_default(caplog, capsys):
    fit([ubp.UpdatePruning()], epochs=1)
    assert capsys.readouterr().out == ""
    assert not [record for record in caplog.records if record.name.startswith("ubp.")]


@pytest.mark.parametrize("scope", ["layer", "global"])
def test_failed_update_names_the_layer(scope):
    pruned = ubp.prune(sequential_model(), GRADUAL, scope=scope)
    kernel = pruned.get_layer("hidden").layer.kernel
    kernel.assign(np.full(kernel.shape, np.inf))
    begin(pruned_layers(pruned))
    with pytest.raises(ValueError, match=r"layer 'hidden': its mask cannot be updated: .* inf"):
        advance(pruned_layers(pruned), 2)
