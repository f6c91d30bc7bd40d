# SPDX-License-Identifier: Apache-2.0
"""PrunedKernel: one weight of a layer that is pruned, with its mask, as [lanes, channels].

    variable     the layer's own weight, float, any shape, trained as before
    mask         bool, shape of the variable, non-trainable; True: weight kept
    sensitivity  float32, shape of the variable, or None: sum of |w * dL/dw| since the last update,
                 w as the forward pass sees it; see observation.py
    penalty      what a schedule that regularises adds to the loss, with its state; or None
    aside        shape and dtype of the variable, non-trainable; the values of pruned weights while
                 the variable has zeros in their place, otherwise zero

In training the variable itself holds the values of pruned weights. To show exact zeros to all who
read it, between epochs and in files, they are *set aside*, and *put back* before the next step: the
same values to the bit, so that training depends neither on when that happens nor on how often.

The variables belong to Keras layers; this is a view of them. Not thread-safe.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from ubp.lanes import from_lanes, input_channels, to_lanes
from ubp.masking.importance import Importance, Matrix
from ubp.masking.patterns import Mask
from ubp.masking.regularized import State
from ubp.masking.updates import MaskUpdate
from ubp.pruning.layers.observation import Observer
from ubp.pruning.layers.prunable import transposed_strides
from ubp.pruning.settings.penalty import Penalty


@dataclass(eq=False)
class PrunedKernel:
    """A weight, its mask and where its output channels are.

    name: the layer's name; where the layer has several such weights, with the weight's name.
    layer: the wrapped layer, whose weight it is.
    channel_axis: of the output channels, negative.
    positions: outputs per channel and sample, for which the layer uses the weight; None where the
        size of its input is open.
    last_update: what the last update of masks in this process did to it; None before the first.
    """

    name: str
    layer: keras.layers.Layer
    variable: keras.Variable
    channel_axis: int
    positions: int | None
    mask: keras.Variable
    sensitivity: keras.Variable | None = None
    penalty: Penalty | None = None
    aside: keras.Variable | None = None
    last_update: MaskUpdate | None = None

    def __post_init__(self) -> None:
        self._observer = None if self.sensitivity is None else Observer(self.sensitivity)

    @property
    def layer_name(self) -> str:
        """The name of the wrapped layer."""
        name: str = self.layer.name
        return name

    @property
    def strides(self) -> tuple[int, ...]:
        """Of a transposed convolution; of any other layer ()."""
        return transposed_strides(self.layer)

    @property
    def window(self) -> tuple[int, ...]:
        """The taps along each axis."""
        return tuple(self.variable.shape[:-2])

    @property
    def shape(self) -> tuple[int, int]:
        """(lanes, channels)."""
        channels = self.variable.shape[self.channel_axis]
        return int(np.prod(self.variable.shape)) // channels, channels

    @property
    def input_channels(self) -> int:
        """The lanes of one tap."""
        return input_channels(tuple(self.variable.shape), self.channel_axis)

    @property
    def size(self) -> int:
        """Number of weights."""
        return int(np.prod(self.variable.shape))

    @property
    def sparsity(self) -> float:
        """The share of weights that the mask removes."""
        return 1.0 - float(np.mean(self.mask.numpy()))

    def stored(self) -> npt.NDArray[np.float32]:
        """The stored values as [lanes, channels], those of pruned weights included."""
        return to_lanes(self._whole(), self.channel_axis).astype(np.float32)

    def importance(self, measure: Importance) -> Matrix:
        """The importance of each weight, [lanes, channels].

        Raises:
            ValueError: if it cannot be computed (naming the kernel).
        """
        observed = None if self.sensitivity is None else self._matrix(self.sensitivity)
        try:
            return measure.of(self.stored(), observed, self.layer)
        except ValueError as error:
            raise ValueError(f"layer '{self.name}': {error}") from error

    def mask_matrix(self) -> Mask:
        """The mask as bool [lanes, channels]."""
        return self._matrix(self.mask)

    def set_mask(self, mask: Mask) -> None:
        """Take a new mask, bool [lanes, channels], and begin to observe gradients anew."""
        self.put_back()  # what was set aside belongs to the old mask
        self.mask.assign(from_lanes(mask, tuple(self.mask.shape), self.channel_axis))
        if self.sensitivity is not None:
            self.sensitivity.assign(np.zeros(self.sensitivity.shape, np.float32))

    def penalty_state(self) -> State:
        """The state of the penalty as [lanes, channels], by name."""
        assert self.penalty is not None
        return {name: self._matrix(value) for name, value in self.penalty.state.items()}

    def set_penalty(self, strength: float, state: State) -> None:
        """Let the penalty count `strength`, with another state, [lanes, channels] by name."""
        assert self.penalty is not None
        self.penalty.strength.assign(strength)
        for name, value in state.items():
            variable = self.penalty.state[name]
            variable.assign(from_lanes(value, tuple(variable.shape), self.channel_axis))

    def masked(self) -> npt.NDArray[np.floating]:
        """The weight as the forward pass sees it: its shape and dtype, pruned weights zero."""
        values = self.variable.numpy()
        masked: npt.NDArray[np.floating] = np.where(
            self.mask.numpy(), values, np.zeros_like(values)
        )
        return masked

    @property
    def is_aside(self) -> bool:
        """Whether values of pruned weights are set aside."""
        return bool(self._aside().numpy().any())

    def set_aside(self) -> None:
        """Set pruned weights to exactly zero in the variable; their values are in `aside`."""
        self.put_back()
        values, masked = self.variable.numpy(), self.masked()
        self._aside().assign(np.where(self.mask.numpy(), np.zeros_like(values), values))
        self.variable.assign(masked)

    def put_back(self) -> None:
        """The inverse of `set_aside`; what has been assigned to the variable since stays."""
        if self.is_aside:
            self.variable.assign(self._whole())
            self._aside().assign(np.zeros_like(self._aside().numpy()))

    def in_use(self, gradients: str) -> Any:
        """The masked weight as a tensor that carries the gradients of the chosen kind.

        The gradient that reaches the tensor, times its value, is what `sensitivity` accumulates.
        """
        stored = ops.convert_to_tensor(self.variable)
        mask = ops.convert_to_tensor(self.mask)
        masked = ops.where(mask, stored, ops.zeros_like(stored))
        if gradients == "straight_through":
            # stored + (masked - stored) is exact: the bracket is 0 or -stored.
            masked = stored + ops.stop_gradient(masked - stored)
        return masked if self._observer is None else self._observer.observed(masked)

    def _aside(self) -> keras.Variable:
        assert self.aside is not None
        return self.aside

    def _whole(self) -> npt.NDArray[Any]:
        """The variable with what is set aside."""
        values = self.variable.numpy()
        whole: npt.NDArray[Any] = np.where(values == 0, self._aside().numpy(), values)
        return whole

    def _matrix(self, variable: keras.Variable) -> npt.NDArray[Any]:
        return to_lanes(variable.numpy(), self.channel_axis)
