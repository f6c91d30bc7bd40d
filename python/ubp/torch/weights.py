# SPDX-License-Identifier: Apache-2.0
"""PrunedWeight: a module's weight and its Mask, as [lanes, channels]; what `ubp.masking` works on.

A view: parameters and buffers belong to the module. Not thread-safe.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from ubp.lanes import from_lanes, input_channels, to_lanes
from ubp.masking.importance import Importance, Matrix
from ubp.masking.patterns import Mask as MaskMatrix
from ubp.masking.pruning_settings import PruningSettings
from ubp.masking.regularized import RegularizedSchedule, State
from ubp.masking.updates import MaskUpdate
from ubp.torch.mask import Mask
from ubp.torch.modules import axes_of, kind_of, transposed_strides


@dataclass(eq=False)
class PrunedWeight:
    """The weight of a pruned module, which is a layer of one kernel to `ubp.masking.updates`.

    name: of the module in its model.
    last_update: what the last update of masks in this process did to it; None before the first.
    """

    name: str
    module: nn.Module
    mask: Mask
    last_update: MaskUpdate | None = None

    @property
    def layer_name(self) -> str:
        return self.name

    @property
    def settings(self) -> PruningSettings:
        return self.mask.settings

    @property
    def kernels(self) -> Sequence[PrunedWeight]:
        return [self]

    @property
    def steps_begun(self) -> int:
        return self.mask.steps

    @property
    def original(self) -> Tensor:
        """The stored weight."""
        original: Tensor = self.module.parametrizations.weight.original
        return original

    @property
    def shape(self) -> tuple[int, int]:
        channels = self.original.shape[axes_of(self.module).channels]
        return self.size // channels, channels

    @property
    def size(self) -> int:
        """Number of weights."""
        return math.prod(self.original.shape)

    @property
    def sparsity(self) -> float:
        """The share of weights that the mask removes."""
        return 1.0 - float(np.mean(self.mask_matrix()))

    @property
    def input_channels(self) -> int:
        return input_channels(tuple(self.original.shape), *axes_of(self.module))

    @property
    def positions(self) -> int | None:
        return self.mask.positions

    @property
    def strides(self) -> tuple[int, ...]:
        return transposed_strides(self.module)

    @property
    def window(self) -> tuple[int, ...]:
        return tuple(self.original.shape[2:])

    def advance(self, steps: int) -> float | None:
        """Count training steps; the sparsity of the last update due among them, if any."""
        sparsity = self.settings.schedule.due_among(self.mask.steps, steps)
        self.mask.steps += steps
        return sparsity

    def stored(self) -> npt.NDArray[np.float32]:
        return self._matrix(self.original.detach().float())

    def importance(self, measure: Importance) -> Matrix:
        """The importance of each weight, [lanes, channels].

        Raises:
            ValueError: if it cannot be computed (naming the module).
        """
        sensitivity = self.mask.sensitivity
        observed = None if sensitivity is None else self._matrix(sensitivity)
        try:
            return measure.of(self.stored(), observed, self.module)
        except ValueError as error:
            raise ValueError(f"layer '{self.name}': {error}") from error

    def mask_matrix(self) -> MaskMatrix:
        return self._matrix(self.mask.mask)

    def set_mask(self, mask: MaskMatrix) -> None:
        self._assign(self.mask.mask, mask)
        if self.mask.sensitivity is not None:
            self.mask.sensitivity.zero_()

    def penalty_state(self) -> State:
        schedule = self.settings.schedule
        assert isinstance(schedule, RegularizedSchedule)
        return {
            name: self._matrix(getattr(self.mask, f"penalty_{name}"))
            for name in schedule.state_names
        }

    def set_penalty(self, strength: float, state: State) -> None:
        self.mask.penalty_strength.fill_(strength)
        for name, value in state.items():
            self._assign(getattr(self.mask, f"penalty_{name}"), value)

    def _matrix(self, tensor: Tensor) -> npt.NDArray[Any]:
        return to_lanes(tensor.cpu().numpy(), *axes_of(self.module))

    def _assign(self, tensor: Tensor, matrix: npt.NDArray[Any]) -> None:
        values = from_lanes(matrix, tuple(tensor.shape), *axes_of(self.module))
        tensor.copy_(torch.from_numpy(np.ascontiguousarray(values)))


def mask_of(module: nn.Module) -> Mask | None:
    """The Mask on a module's weight, if it has one."""
    if not parametrize.is_parametrized(module, "weight"):
        return None
    return next((each for each in module.parametrizations.weight if isinstance(each, Mask)), None)


def pruned_weights(model: nn.Module) -> list[PrunedWeight]:
    """The pruned weights of a model, in its order."""
    found = ((name, module, mask_of(module)) for name, module in model.named_modules())
    return [
        PrunedWeight(name or kind_of(module), module, mask)
        for name, module, mask in found
        if mask is not None
    ]


def unmask(weight: PrunedWeight, leave_parametrized: bool) -> None:
    """Make a plain weight of a pruned one, which comes first of the module's parameters, as before.

    Args:
        weight: one without other parametrisations.
        leave_parametrized: as the forward pass sees it, or else as it is stored.
    """
    module = weight.module
    parametrize.remove_parametrizations(module, "weight", leave_parametrized)
    for name in [each for each in module._parameters if each != "weight"]:
        module._parameters[name] = module._parameters.pop(name)
