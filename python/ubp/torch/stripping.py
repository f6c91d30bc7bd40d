# SPDX-License-Identifier: Apache-2.0
"""`strip`: plain weights in place of pruned ones."""

from __future__ import annotations

from typing import TypeVar

from torch import nn

from ubp.torch.modules import kind_of
from ubp.torch.pruning import check_module
from ubp.torch.weights import pruned_weights, unmask

_Module = TypeVar("_Module", bound=nn.Module)


def strip(module: _Module) -> _Module:
    """Make ordinary weights of the pruned ones, in place: pruned weights are exactly zero.

    The module computes what it computed before. Its parameters are those that it had before
    `ubp.torch.prune`, by name and as objects, so that an optimizer still has them. To go on with
    the pruned module, too, strip a `copy.deepcopy` of it.

        >>> import torch
        >>> import ubp
        >>> import ubp.torch
        >>> linear = torch.nn.Linear(16, 8)
        >>> pruning = ubp.torch.prune(linear, ubp.ConstantSparsity(0.75))
        >>> float((ubp.torch.strip(linear).weight == 0).float().mean())
        0.75

    Args:
        module: one that `ubp.torch.prune` has pruned, trained or not.

    Returns:
        The module.

    Raises:
        TypeError: if it is no module of PyTorch.
        ValueError: if nothing in it is pruned, or a weight has other parametrisations, too.
    """
    check_module(module, "strip")
    weights = pruned_weights(module)
    if not weights:
        raise ValueError(
            f"strip: module {kind_of(module)} has no pruned weight; expected one that "
            "ubp.torch.prune() has pruned."
        )
    for weight in weights:
        others = [each for each in weight.module.parametrizations.weight if each is not weight.mask]
        if others:
            raise ValueError(
                f"strip: the weight of module '{weight.name}' has a parametrisation beside its "
                f"mask, {type(others[0]).__name__}; remove it first."
            )
    for weight in weights:
        unmask(weight, leave_parametrized=True)
    return module
