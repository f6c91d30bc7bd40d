# SPDX-License-Identifier: Apache-2.0
"""Activations as int8 holds them: layers that round, and the end of a stretch of floats.

A tensor's range [minimum, maximum], which holds zero, is divided into 255 equal steps, moved so
that zero is one of the 256 values (Jacob et al., arXiv 1712.05877, section 3): what
TensorFlow's FakeQuantWithMinMaxVars computes, and what TensorFlow Lite's converter takes for the
scale and the zero point of an int8 tensor. Gradients pass within the range, and end beyond it.

    LearnedRange    in training: the range follows the batches, as moving averages
    FakeQuantize    in the stripped model: the range is a constant
    FloatBoundary   between a layer that stays float and one that does not
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable(package="ubp")
class FakeQuantize(keras.layers.Layer):
    """Rounds a tensor to the 256 values that int8 has in a constant range.

    Args:
        minimum, maximum: of the range; 0 between them, and not both 0.
        kwargs: of a Keras layer.

    Raises:
        ValueError: if they are no such range.
    """

    def __init__(self, minimum: float, maximum: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not (minimum <= 0.0 <= maximum and minimum < maximum) or np.isinf(maximum - minimum):
            raise ValueError(
                f"layer '{self.name}' has the range {minimum} to {maximum}; expected a finite one "
                "around 0."
            )
        self.minimum, self.maximum = float(minimum), float(maximum)
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any) -> Any:
        """The tensor, rounded; its shape and dtype."""
        return keras.quantizers.fake_quant_with_min_max_vars(inputs, self.minimum, self.maximum)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """That of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        config: dict[str, Any] = super().get_config()
        return config | {"minimum": self.minimum, "maximum": self.maximum}


@keras.saving.register_keras_serializable(package="ubp")
class LearnedRange(keras.layers.Layer):
    """Rounds a tensor as FakeQuantize does, in a range that training measures.

    minimum, maximum  float32 scalars, non-trainable: moving averages of each batch's least and
                      largest value, 0 included; both 0 before the first batch, until when nothing
                      is rounded

    Args:
        momentum: of the averages, 0 to 1; the first batch's values are taken as they are.
        kwargs: of a Keras layer.
    """

    def __init__(self, momentum: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.momentum = momentum
        self.supports_masking = True
        self.is_calibrating = False  # calls round nothing, and widen the range to what they see

    def build(self, input_shape: Any = None) -> None:
        """Make the range."""
        state = {
            "shape": (),
            "initializer": "zeros",
            "dtype": "float32",
            "trainable": False,
            "autocast": False,
            "aggregation": "mean",
        }
        self.minimum = self.add_weight(name="minimum", **state)
        self.maximum = self.add_weight(name="maximum", **state)
        self.built = True

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """The tensor, rounded; its shape and dtype."""
        if self.is_calibrating:
            self._widen(inputs)
            return inputs
        if training:
            self._follow(inputs)
        minimum, maximum = map(ops.convert_to_tensor, (self.minimum, self.maximum))
        is_known = maximum > minimum
        rounded = keras.quantizers.fake_quant_with_min_max_vars(
            inputs, minimum, ops.where(is_known, maximum, ops.ones_like(maximum))
        )
        return ops.where(is_known, rounded, inputs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """That of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        config: dict[str, Any] = super().get_config()
        return config | {"momentum": self.momentum}

    def fixed(self) -> FakeQuantize:
        """The layer with this range as a constant, and the same name.

        Raises:
            ValueError: if nothing has been measured, or what has is not finite.
        """
        minimum, maximum = (float(each.numpy()) for each in (self.minimum, self.maximum))
        if not minimum < maximum:
            raise ValueError(
                f"layer '{self.name}' has measured no range; train the model with fit() first, or "
                "leave quantize out and give ubp.quantize representative_data."
            )
        return FakeQuantize(minimum, maximum, name=self.name, dtype=self.dtype_policy)

    def _follow(self, inputs: Any) -> None:
        """Let the averages take up a batch."""
        is_first = ops.equal(self.minimum, self.maximum)
        for average, seen in zip((self.minimum, self.maximum), _extremes(inputs), strict=True):
            moved = self.momentum * average + (1.0 - self.momentum) * seen
            average.assign(ops.where(is_first, seen, moved))

    def _widen(self, inputs: Any) -> None:
        least, largest = _extremes(inputs)
        self.minimum.assign(ops.minimum(self.minimum, least))
        self.maximum.assign(ops.maximum(self.maximum, largest))


@keras.saving.register_keras_serializable(package="ubp")
class FloatBoundary(keras.layers.Layer):
    """Behind a layer that stays float and in front of one that does not: does nothing.

    The converter takes a layer between two rounded tensors for one of int8. It goes through a type
    that int8 has no operator for, without changing a value, which keeps the layer float;
    `ubp.quantize` takes the two casts out of the file.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any) -> Any:
        """The tensor as it is."""
        return ops.cast(ops.cast(inputs, "float64"), inputs.dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """That of the input."""
        return input_shape


def _extremes(inputs: Any) -> tuple[Any, Any]:
    """The least and the largest value of a tensor and 0."""
    values = ops.stop_gradient(ops.cast(inputs, "float32"))
    return ops.minimum(ops.min(values), 0.0), ops.maximum(ops.max(values), 0.0)
