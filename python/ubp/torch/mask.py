# SPDX-License-Identifier: Apache-2.0
"""Mask: the parametrisation of a weight that is pruned.

The stored weight, `parametrizations.weight.original`, is the parameter that the optimizer has; what
the module computes with is `where(mask, original, 0)`. In the module's state_dict, beside it:

    mask            bool, shape of the weight; True: weight kept
    sensitivity     float32, shape of the weight, where importance goes by gradients: the sum of
                    |w * dL/dw| since the last update, w as the forward pass sees it
    penalty_*       float32, where the schedule regularises: the strength of the penalty, a scalar,
                    and the state that it depends on, of the shape of the weight
    _extra_state    int64 scalar: training steps counted
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ubp.masking.pruning_settings import PruningSettings
from ubp.masking.regularized import RegularizedSchedule


class Mask(nn.Module):
    """Zeroes the pruned weights of a weight; made by `ubp.torch.prune`.

    Args:
        weight: as stored.
        settings: how it is pruned.
        positions: outputs per channel and sample; None where no budget of time needs them.
    """

    mask: Tensor
    sensitivity: Tensor | None

    def __init__(self, weight: Tensor, settings: PruningSettings, positions: int | None) -> None:
        super().__init__()
        self.settings = settings
        self.positions = positions
        self.steps = 0
        self.register_buffer("mask", torch.ones_like(weight, dtype=torch.bool))
        observed = self._zeros(weight) if settings.importance.uses_gradients else None
        self.register_buffer("sensitivity", observed)
        if isinstance(settings.schedule, RegularizedSchedule):
            self.register_buffer("penalty_strength", torch.zeros((), device=weight.device))
            for name in settings.schedule.state_names:
                self.register_buffer(f"penalty_{name}", self._zeros(weight))

    def forward(self, weight: Tensor) -> Tensor:
        """The weight that the module computes with, of the same shape and dtype."""
        masked = torch.where(self.mask, weight, torch.zeros_like(weight))
        if self.settings.gradients == "straight_through":
            # weight + (masked - weight) is exact: the bracket is 0 or -weight.
            masked = weight + (masked - weight).detach()
        if self.sensitivity is not None and masked.requires_grad:
            self._observe(masked, self.sensitivity)
        return masked

    def penalty(self, weight: Tensor) -> Tensor:
        """What the schedule, one that regularises, adds to the loss for the stored weight."""
        schedule = self.settings.schedule
        assert isinstance(schedule, RegularizedSchedule)
        state = {name: getattr(self, f"penalty_{name}") for name in schedule.state_names}
        penalty: Tensor = schedule.penalty(weight.float(), state, torch.sum)
        return self.penalty_strength * penalty

    def get_extra_state(self) -> Tensor:
        """The count of steps, for `state_dict`."""
        return torch.tensor(self.steps)

    def set_extra_state(self, state: Tensor) -> None:
        """The inverse of `get_extra_state`."""
        self.steps = int(state)

    def extra_repr(self) -> str:
        """The pattern, for `print(module)`."""
        return str(self.settings.pattern)

    @staticmethod
    def _zeros(weight: Tensor) -> Tensor:
        return torch.zeros_like(weight, dtype=torch.float32)

    @staticmethod
    def _observe(masked: Tensor, sensitivity: Tensor) -> None:
        values = masked.detach()

        def add(gradient: Tensor) -> None:
            sensitivity.add_((gradient * values).abs().float())

        masked.register_hook(add)
