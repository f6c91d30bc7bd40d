# SPDX-License-Identifier: Apache-2.0
"""Importance: how much each weight of a kernel matters, float [lanes, channels], finite and >= 0.

Selection keeps the blocks with the largest sums of it. Given by name or as an object:

    "magnitude"   |w|                  Han et al., arXiv 1506.02626
    "squared"     w^2                  the least change of the kernel in the 2-norm
    "gradient"    sum of |w * dL/dw|   first-order Taylor expansion of the loss, Molchanov et al.,
                                       arXiv 1611.06440, over the steps since the last update; of a
                                       pruned weight it is 0. (The gradient at a weight that is
                                       missing is large, at one that has been trained small: if both
                                       counted, masks would swap the two for ever.)
    a callable    (weights float32 [lanes, channels], layer) -> importance of the same shape
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ubp.arguments import shown
from ubp.masking.saved_with_model import SavedWithModel

Matrix = npt.NDArray[np.floating]
ImportanceFunction = Callable[[Matrix, Any], Matrix]


class Importance(SavedWithModel, ABC):
    """A measure of importance. Immutable; compared by value; saved with the model."""

    uses_gradients: ClassVar[bool] = False  # whether `sensitivity` is to be accumulated

    @abstractmethod
    def of(self, weights: Matrix, sensitivity: Matrix | None, layer: Any) -> Matrix:
        """The importance of each weight.

        Args:
            weights: float32 [lanes, channels], the stored kernel, pruned weights included.
            sensitivity: float32 [lanes, channels], the sum of |w * dL/dw| over the steps since the
                last update; None where `uses_gradients` is false.
            layer: whose kernel it is: a layer of Keras, or a module of PyTorch.

        Raises:
            ValueError: if it cannot be computed.
        """


@dataclass(frozen=True)
class Magnitude(Importance):
    """|w|."""

    def of(self, weights: Matrix, sensitivity: Matrix | None, layer: Any) -> Matrix:
        return np.abs(weights)


@dataclass(frozen=True)
class SquaredMagnitude(Importance):
    """w^2."""

    def of(self, weights: Matrix, sensitivity: Matrix | None, layer: Any) -> Matrix:
        return np.square(weights)


@dataclass(frozen=True)
class GradientImportance(Importance):
    """Sum of |w * dL/dw| over the training steps since the last update."""

    uses_gradients: ClassVar[bool] = True

    def of(self, weights: Matrix, sensitivity: Matrix | None, layer: Any) -> Matrix:
        if sensitivity is None or not sensitivity.any():
            raise ValueError(
                "no gradient has reached its kernel since the last update; let the loss depend on "
                "the layer, begin the schedule at step 2 or later, or use importance='magnitude'."
            )
        return sensitivity


@dataclass(frozen=True)
class CustomImportance(Importance):
    """A caller's own importance; to load a saved model, the callable must be registered.

    See `keras.saving.register_keras_serializable`.
    """

    function: ImportanceFunction

    def of(self, weights: Matrix, sensitivity: Matrix | None, layer: Any) -> Matrix:
        importance = np.asarray(self.function(weights, layer))
        if importance.shape != weights.shape:
            raise ValueError(
                f"importance {self.function} returned the shape {importance.shape}; expected "
                f"[lanes, channels] as given, {weights.shape}."
            )
        return importance.astype(np.float32)


_BY_NAME: dict[str, type[Importance]] = {
    "magnitude": Magnitude,
    "squared": SquaredMagnitude,
    "gradient": GradientImportance,
}


def as_importance(importance: Any) -> Importance:
    """The caller's importance as one of the classes above.

    Raises:
        TypeError: if it is neither a string, nor an Importance, nor a callable.
        ValueError: if there is none of this name.
    """
    if isinstance(importance, Importance):
        return importance
    if isinstance(importance, str):
        if importance not in _BY_NAME:
            raise ValueError(
                f"importance is {importance!r}; expected one of {', '.join(_BY_NAME)}, or a "
                "callable (weights, layer) -> importance."
            )
        return _BY_NAME[importance]()
    if not callable(importance) or isinstance(importance, type):
        raise TypeError(
            f"importance is {shown(importance)}; expected one of {', '.join(_BY_NAME)}, or a "
            "callable (weights, layer) -> importance."
        )
    return CustomImportance(importance)
