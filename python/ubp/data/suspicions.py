# SPDX-License-Identifier: Apache-2.0
"""Suspicions: values of the wrong scale, noticed by what the first layers make of them.

Pictures times 255, or divided by it, are no error for any layer, and a network calibrated on them
is worthless. Two things in a trained model know better:

    batch normalisation   has the mean and the variance of what reached it in training
    biases                are of the size of what they are added to: they were trained to lie among
                          its values, or hold a folded batch normalisation. In 10 networks whose
                          preprocessing is known, the outputs of the first layer, without the bias,
                          had a standard deviation of 0.6 to 11 times the bias (the median over
                          channels); with pixels 0..255 in place of 0..1, of 72 to 2687 times; the
                          other way round, of 0.001 to 0.04 times.

A shift, or a factor of 2, only batch normalisation shows.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_MOST, _LEAST = 30.0, 0.1  # standard deviations over biases
_MOST_VARIANCE = 3.0  # over that of training; or its inverse
_MOST_SHIFT = 1.0  # standard deviations between the means
_TINY = 1e-12

_ADVICE = "is the preprocessing the one that the model was trained with"
_TOO_MUCH, _TOO_LITTLE = ", or 0..255 in place of 0..1?", ", or 0..1 in place of 0..255?"

Floats = npt.NDArray[np.floating]


def scale_suspicion(layer: str, outputs: Floats, bias: Floats) -> str | None:
    """What speaks against samples, of the outputs of one of the first layers.

    Args:
        layer: its name.
        outputs: [values, channels], before the activation.
        bias: [channels].

    Returns:
        A sentence; None if nothing does, or most biases are 0.
    """
    given = np.abs(bias) > _TINY
    if given.mean() < 0.5:
        return None
    deviation = outputs.std(axis=0, dtype=np.float64)
    ratio = float(np.median(deviation[given] / np.abs(bias[given])))
    if _LEAST <= ratio <= _MOST:
        return None
    much, hint = ("more", _TOO_MUCH) if ratio > 1 else ("less", _TOO_LITTLE)
    return (
        f"the outputs of layer '{layer}' vary by {ratio:.3g} times its biases, much {much} than "
        f"the 0.6 to 11 times of networks with the right inputs: {_ADVICE}{hint}"
    )


def statistics_suspicion(
    layer: str, mean: Floats, variance: Floats, moving_mean: Floats, moving_variance: Floats
) -> str | None:
    """What speaks against samples, of the inputs of one of the first batch normalisations.

    Args:
        layer: its name.
        mean, variance: [channels], of its inputs for the samples.
        moving_mean, moving_variance: [channels], of training.

    Returns:
        A sentence; None if nothing does.
    """
    known = moving_variance > _TINY
    if not known.any():
        return None
    ratio = float(np.median(variance[known] / moving_variance[known]))
    distance = np.abs(mean - moving_mean)[known] / np.sqrt(moving_variance[known])
    shift = float(np.median(distance))
    if 1 / _MOST_VARIANCE <= ratio <= _MOST_VARIANCE and shift <= _MOST_SHIFT:
        return None
    return (
        f"what reaches '{layer}' has {ratio:.3g} times the variance that it had in training, and "
        f"its mean is {shift:.2g} standard deviations off: {_ADVICE}?"
    )
