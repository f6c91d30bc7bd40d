# SPDX-License-Identifier: Apache-2.0
"""Pruning of PyTorch modules in blocks while they train. Knows PyTorch, and no other framework.

    pruning = ubp.torch.prune(model, ubp.PolynomialDecay(0.0, 0.8, 0, 2000))
    for inputs, targets in batches:
        ...
        optimizer.step()
        pruning.step()
    ubp.torch.strip(model)

Schedules, patterns, importance, scopes and the choice of blocks are those of Keras models: they are
in `ubp.masking`. In this package `torch` is PyTorch: imports are absolute.

modules.py   which modules can be pruned, along which axes of their weights
mask.py      Mask: the parametrisation of a weight that is pruned
weights.py   a weight and its Mask, as `ubp.masking` sees them
pruning.py   `prune`, and Pruning: updates masks as training goes on
stripping.py `strip`
"""

from ubp.extras import extra_needed

with extra_needed("ubp.torch"):
    from ubp.torch.pruning import Pruning, prune
    from ubp.torch.stripping import strip

__all__ = ["Pruning", "prune", "strip"]
