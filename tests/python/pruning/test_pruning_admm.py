# SPDX-License-Identifier: Apache-2.0
"""ADMM: its updates against formulas written out, and where it leads."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

import ubp
from ubp.masking.updates import advance
from ubp.pruning.layers.pruned_layer import pruned_layers
from ubp.pruning.training.callbacks import begin

KEPT, SIZE = 3, 2  # blocks, of channels


def dense(kernel, schedule, pattern):
    """A pruned model of one Dense layer without bias, and the view of its kernel."""
    model = keras.Sequential(
        [keras.Input((kernel.shape[0],)), layers.Dense(kernel.shape[1], use_bias=False, name="one")]
    )
    model.set_weights([kernel])
    pruned = ubp.prune(model, schedule, pattern, layers="one")
    return pruned, pruned_layers(pruned)[0].kernels[0]


def keep_best_pairs(matrix):
    """The matrix with all but the KEPT aligned pairs of channels of largest squares at zero."""
    norms = (matrix**2).reshape(matrix.shape[0], -1, SIZE).sum(axis=-1)
    kept = norms >= np.sort(norms, axis=None)[-KEPT]
    return np.where(np.repeat(kept, SIZE, axis=1), matrix, 0)


@pytest.mark.parametrize("growth", [1, 3])
def test_updates_follow_the_formulas(growth):
    rng = np.random.default_rng(3)
    first, second, third = rng.normal(size=(3, 4, 6)).astype(np.float32)
    schedule = ubp.ADMM(0.75, 0, 10, frequency=2, rho=0.5, final_rho=0.5 * growth**5)
    pruned, kernel = dense(first, schedule, ubp.AlignedBlock(SIZE))
    begin(pruned_layers(pruned))
    z, u = keep_best_pairs(first), np.zeros_like(first)
    for step, weights in ((2, second), (4, third)):
        kernel.variable.assign(weights)
        (update,) = advance(pruned_layers(pruned), 2)
        z, u = keep_best_pairs(weights + u), weights + u - keep_best_pairs(weights + u)
        u = u / growth
        rho = 0.5 * growth ** (step // 2)
        np.testing.assert_allclose(kernel.penalty_state()["projection"], z, rtol=1e-5)
        np.testing.assert_allclose(kernel.penalty_state()["dual"], u, rtol=1e-5, atol=1e-7)
        (loss,) = pruned.losses
        assert float(loss) == pytest.approx(rho / 2 * ((weights - z + u) ** 2).sum(), rel=1e-5)
        distance = np.linalg.norm(weights - z) / np.linalg.norm(weights)
        assert update.residual == pytest.approx(distance, rel=1e-5)
        assert (update.step, update.sparsity) == (step, 0.0)


def test_gradient_of_the_pull_reaches_every_weight():
    import tensorflow as tf

    weights = np.random.default_rng(3).normal(size=(4, 6)).astype(np.float32)
    pruned, kernel = dense(
        weights, ubp.ADMM(0.75, 0, 10, rho=0.5, final_rho=0.5), ubp.AlignedBlock(SIZE)
    )
    with tf.GradientTape() as tape:
        (loss,) = pruned.losses
    gradient = np.asarray(tape.gradient(loss, kernel.variable.value))
    np.testing.assert_allclose(gradient, 0.5 * (weights - keep_best_pairs(weights)), rtol=1e-5)


@keras.saving.register_keras_serializable(package="test")
def half_squared_error(truth, prediction):
    return 0.5 * keras.ops.sum(keras.ops.square(truth - prediction))


@pytest.mark.parametrize("scope", ["layer", "global"])
def test_least_squares_lead_to_the_nearest_kernel_of_blocks(scope):
    """With the loss |W - A|^2 / 2, the best kernel of S is the projection of A itself."""
    goal = np.random.default_rng(4).normal(size=(8, 12)).astype(np.float32)
    schedule = ubp.ADMM(0.75, begin_step=0, end_step=400, frequency=10, rho=1.0, final_rho=1.0)
    model = keras.Sequential([keras.Input((8,)), layers.Dense(12, use_bias=False, name="one")])
    model.set_weights([goal])
    pruned = ubp.prune(model, schedule, layers="one", scope=scope)
    pruned.compile(keras.optimizers.SGD(0.1), half_squared_error, jit_compile=False)
    update, residuals = ubp.UpdatePruning(), []
    inputs = np.tile(np.eye(8, dtype=np.float32), (50, 1))  # a batch of 8 sees every input once
    for _ in range(9):
        pruned.fit(inputs, inputs @ goal, batch_size=8, shuffle=False, verbose=0,
                   callbacks=[update])  # fmt: skip
        residuals += [each.residual for each in update.updates if each.residual is not None]
    assert residuals[-1] < 0.05 * residuals[0]
    best = ubp.select_blocks(np.square(goal), 4, sparsity=0.75).mask()
    (kernel,) = pruned_layers(pruned)[0].kernels
    np.testing.assert_array_equal(kernel.mask_matrix(), best)
    np.testing.assert_allclose(kernel.stored(), np.where(best, goal, 0), atol=1e-2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rho": 0.0}, "rho is 0.0; expected a finite number above 0"),
        ({"rho": -1.0}, "rho is -1.0; expected a finite number above 0"),
        ({"rho": float("nan")}, "rho is nan; expected a finite number above 0"),
        (
            {"rho": 0.1, "final_rho": 0.05},
            "final_rho is 0.05; expected a finite number of at",
        ),
    ],
)
def test_mistakes_end_in_a_clear_sentence(arguments, message):
    with pytest.raises(ValueError, match=message):
        ubp.ADMM(0.5, 0, 100, **arguments)
