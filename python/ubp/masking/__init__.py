# SPDX-License-Identifier: Apache-2.0
"""Masks of a network's weights as it trains: when, where and how many. Knows no framework.

`ubp.pruning` puts such masks on layers of Keras, `ubp.torch` on modules of PyTorch.

pruning_settings.py   PruningSettings, all that a layer is told
schedules.py          step -> is an update due, and to which sparsity
given_masks.py        a schedule that begins with masks of the caller's
regularized.py        schedules with a penalty in the loss before they prune:
admm.py, reweighted.py
importance.py         weights -> importance
patterns.py           importance [lanes, channels] and sparsity -> mask; asks ubp.selection
kernel_pattern.py     the same, of taps
scopes.py             whose sparsity it is: a layer's, or that of many, which share a budget
choice.py             the caller's choice of layers -> layers and their settings
updates.py            which kernels are due at a step, their new masks, what changed
saved_with_model.py   what lets the settings be saved with a model of Keras
"""

from ubp.masking.admm import ADMM
from ubp.masking.kernel_pattern import KernelPattern
from ubp.masking.patterns import AlignedBlock, Pattern, UnalignedBlock, Unstructured
from ubp.masking.reweighted import ReweightedRegularization
from ubp.masking.schedules import ConstantSparsity, CustomSchedule, PolynomialDecay
from ubp.masking.scopes import GlobalBudget, LatencyBudget

__all__ = [
    "ADMM",
    "AlignedBlock",
    "ConstantSparsity",
    "CustomSchedule",
    "GlobalBudget",
    "KernelPattern",
    "LatencyBudget",
    "Pattern",
    "PolynomialDecay",
    "ReweightedRegularization",
    "UnalignedBlock",
    "Unstructured",
]
