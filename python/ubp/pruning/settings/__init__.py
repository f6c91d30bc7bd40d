# SPDX-License-Identifier: Apache-2.0
"""What a layer is told: when it is pruned, to which sparsity, into which blocks, by which measure.

pruning_settings.py   PruningSettings, which holds all of these
schedules.py          step -> is an update due, and to which sparsity
given_masks.py        a schedule that begins with masks of the caller's
regularized.py        schedules with a penalty in the loss before they prune:
admm.py, reweighted.py
importance.py         weights -> importance
patterns.py           importance [lanes, channels] and sparsity -> mask; asks ubp.selection
kernel_pattern.py     the same by patterns of taps, in place of blocks
scopes.py             whose sparsity it is: a layer's, or that of many, which share a budget
quantize_aware.py     QuantizeAware: how a model trains for int8
saved_with_model.py   what lets all of these be saved with a model
"""
