# SPDX-License-Identifier: Apache-2.0
"""Training and testing of one network.

What comes out depends on the arguments alone: the batches are drawn from the seed, and workers run
TensorFlow in one thread (see `experiment.study.worker`), so sums are added up in one order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from experiment.strokes.dataset import Pictures
from experiment.strokes.shapes import CLASSES
from experiment.study.settings import BATCH

_TEST_BATCH = 500

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Score:
    """How good a network is on some pictures.

    accuracy: 0 to 1.
    nll: mean negative log-likelihood of the right class, in nats.
    """

    accuracy: float
    nll: float


def train(
    model: keras.Model,
    pictures: Pictures,
    targets: Floats,
    steps: int,
    learning_rate: float,
    seed: int,
    callback: keras.callbacks.Callback | None = None,
) -> None:
    """Train in place, with Adam and a learning rate that falls to 0 along a cosine.

    A loop of its own, because `fit` spends more time on preparing a run of a few hundred steps.

    Args:
        model: logits out.
        pictures: to train with.
        targets: probabilities of the classes [pictures, CLASSES].
        steps: batches.
        learning_rate: at the first step.
        seed: of the order of the pictures; the same for the same number of steps and pictures.
        callback: told of the beginning and the end of the training, of its only epoch and of steps.
    """
    callback = callback or keras.callbacks.Callback()
    step = _step_function(model, pictures, targets, steps, learning_rate)
    callback.set_model(model)
    callback.on_train_begin()
    callback.on_epoch_begin(0)
    for index, batch in enumerate(batch_order(len(pictures), steps, seed)):
        callback.on_train_batch_begin(index)
        step(tf.constant(batch))
        callback.on_train_batch_end(index)
    callback.on_epoch_end(0)
    callback.on_train_end()


def batch_order(pictures: int, steps: int, seed: int) -> npt.NDArray[np.int64]:
    """Indices of pictures [steps, BATCH]: all of them in one random order, then in another."""
    generator = np.random.default_rng(seed)
    passes = -(-steps * BATCH // pictures)
    order = np.concatenate([generator.permutation(pictures) for _ in range(passes)])
    return order[: steps * BATCH].reshape(steps, BATCH)


def one_hot(pictures: Pictures) -> Floats:
    """The targets that say what is in the pictures."""
    return np.eye(CLASSES, dtype=np.float32)[pictures.labels]


def probabilities(model: keras.Model, pictures: Pictures) -> Floats:
    """What the model makes of the pictures: [pictures, CLASSES]."""
    result: Floats = np.exp(_log_probabilities(model, pictures))
    return result


def score(model: keras.Model, pictures: Pictures) -> Score:
    """Test the model."""
    logs = _log_probabilities(model, pictures)
    return Score(
        accuracy=float(np.mean(np.argmax(logs, axis=-1) == pictures.labels)),
        nll=float(-np.mean(logs[np.arange(len(pictures)), pictures.labels], dtype=np.float64)),
    )


def _step_function(
    model: keras.Model, pictures: Pictures, targets: Floats, steps: int, learning_rate: float
) -> Callable[[tf.Tensor], None]:
    """One step of training, compiled: takes the indices of its pictures [BATCH]."""
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(learning_rate, steps))
    variables = model.trainable_variables
    optimizer.build(variables)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)

    def step(pixels: tf.Tensor, wanted: tf.Tensor, batch: tf.Tensor) -> None:
        with tf.GradientTape() as tape:
            outputs = model(tf.gather(pixels, batch), training=True)
            value = loss(tf.gather(wanted, batch), outputs) + sum(model.losses)
        gradients = tape.gradient(value, [variable.value for variable in variables])
        optimizer.apply(gradients, variables)

    # The pictures are arguments: a graph that held them would keep them for good.
    compiled = tf.function(step, autograph=False)
    return partial(compiled, tf.constant(pictures.pixels), tf.constant(targets))


def _log_probabilities(model: keras.Model, pictures: Pictures) -> Floats:
    logits = np.concatenate([model(chunk, training=False) for chunk in _chunks(pictures)])
    result: Floats = tf.nn.log_softmax(logits).numpy()
    return result


def _chunks(pictures: Pictures) -> list[Floats]:
    starts = range(0, len(pictures), _TEST_BATCH)
    return [pictures.pixels[start : start + _TEST_BATCH] for start in starts]
