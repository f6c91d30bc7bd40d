"""Training and testing of one network.

What comes out depends on the arguments alone: the batches are drawn from the seed, and workers run
TensorFlow in one thread (see `experiment.study.worker`), so sums are added up in one order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from experiment.strokes.dataset import Pictures
from experiment.strokes.shapes import CLASSES
from experiment.study.settings import BATCH

_STEPS_AT_ONCE = 10  # run by TensorFlow without going back to Python
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
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> None:
    """Train in place, with Adam and a learning rate that falls to 0 along a cosine.

    Args:
        model: logits out.
        pictures: to train with.
        targets: probabilities of the classes [pictures, CLASSES].
        steps: batches.
        learning_rate: at the first step.
        seed: of the order of the pictures; the same for the same number of steps and pictures.
        callbacks: for `fit`.
    """
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(learning_rate, steps)),
        keras.losses.CategoricalCrossentropy(from_logits=True),
        jit_compile=False,  # slower on a CPU: depthwise convolutions ten times
        steps_per_execution=min(_STEPS_AT_ONCE, steps),
    )
    pixels = tf.constant(pictures.pixels)
    wanted = tf.constant(targets)
    batches = (
        tf.data.Dataset.from_tensor_slices(batch_order(len(pictures), steps, seed))
        .map(lambda batch: (tf.gather(pixels, batch), tf.gather(wanted, batch)))
        .prefetch(1)
    )
    model.fit(batches, verbose=0, shuffle=False, callbacks=list(callbacks))


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


def recalibrate(model: keras.Model, pictures: Pictures) -> None:
    """Measure the statistics of batch normalisation anew; weights stay as they are.

    The moving averages become the plain averages over all batches: at batch k, counted from 0, the
    momentum k / (k + 1) weighs each of the k + 1 batches alike.
    """
    normalisations = [
        layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)
    ]
    momenta = [layer.momentum for layer in normalisations]
    for index, batch in enumerate(_chunks(pictures)):
        for layer in normalisations:
            layer.momentum = index / (index + 1)
        model(batch, training=True)
    for layer, momentum in zip(normalisations, momenta, strict=True):
        layer.momentum = momentum


def _log_probabilities(model: keras.Model, pictures: Pictures) -> Floats:
    logits = np.concatenate([model(chunk, training=False) for chunk in _chunks(pictures)])
    result: Floats = tf.nn.log_softmax(logits).numpy()
    return result


def _chunks(pictures: Pictures) -> list[Floats]:
    starts = range(0, len(pictures), _TEST_BATCH)
    return [pictures.pixels[start : start + _TEST_BATCH] for start in starts]
