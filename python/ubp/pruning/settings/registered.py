# SPDX-License-Identifier: Apache-2.0
"""Lets Keras load the settings that it has saved with a model: importing this is enough."""

from __future__ import annotations

import keras

from ubp.masking.admm import ADMM
from ubp.masking.given_masks import GivenMasks
from ubp.masking.importance import (
    CustomImportance,
    GradientImportance,
    Magnitude,
    SquaredMagnitude,
)
from ubp.masking.kernel_pattern import KernelPattern
from ubp.masking.patterns import AlignedBlock, UnalignedBlock, Unstructured
from ubp.masking.pruning_settings import PruningSettings
from ubp.masking.reweighted import ReweightedRegularization
from ubp.masking.schedules import ConstantSparsity, CustomSchedule, PolynomialDecay
from ubp.masking.scopes import GlobalBudget, LatencyBudget, PerLayer

REGISTERED = (
    ADMM,
    AlignedBlock,
    ConstantSparsity,
    CustomImportance,
    CustomSchedule,
    GivenMasks,
    GlobalBudget,
    GradientImportance,
    KernelPattern,
    LatencyBudget,
    Magnitude,
    PerLayer,
    PolynomialDecay,
    PruningSettings,
    ReweightedRegularization,
    SquaredMagnitude,
    UnalignedBlock,
    Unstructured,
)
for kind in REGISTERED:
    keras.saving.register_keras_serializable(package="ubp")(kind)
