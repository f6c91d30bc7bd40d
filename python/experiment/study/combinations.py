"""The cells of `./run experiment recipes`: combinations at 95% and equal predicted latency.

Every recipe but "unstructured" keeps the same number of blocks of N = 8 in each layer, so its
predicted latency is that of aligned blocks; only "latency budget" shares the same predicted time
out among the layers in another way.
"""

from __future__ import annotations

from experiment.study.methods import GRADUAL_SPARSITY, recipe
from experiment.study.recipe import Cell, Recipe

UPPER = "unstructured"  # the end of the gap that begins at REFERENCE
_BLOCK_SIZE, _STEPS = 8, 460


def cells() -> list[Cell]:
    """One cell: on vgg, for the number of steps that all recipes share."""
    return [
        Cell(
            name=f"vgg-recipes{_STEPS}-n{_BLOCK_SIZE}",
            title=f"vgg, {GRADUAL_SPARSITY:.0%}, N={_BLOCK_SIZE}, {_STEPS} steps",
            network="vgg",
            recipes=_recipes(),
        )
    ]


def _recipes() -> dict[str, Recipe]:
    unstructured, aligned, optimal, permuted = (
        recipe(name, _BLOCK_SIZE, GRADUAL_SPARSITY, _STEPS)
        for name in ("unstructured", "aligned", "optimal", "optimal+permutation")
    )
    distilled = permuted.but(distillation=0.5)
    fast = permuted.but(learning_rate=3e-3)
    return {
        UPPER: unstructured,
        "aligned": aligned,
        "optimal": optimal,
        "latency budget": optimal.but(scope="latency"),
        "distillation": optimal.but(distillation=0.5),
        "rate 0.003": optimal.but(learning_rate=3e-3),
        "permutation": permuted,
        "permutation, latency budget": permuted.but(scope="latency"),
        "permutation, distillation": distilled,
        "permutation, straight-through": permuted.but(gradients="straight_through"),
        "permutation, rises for 30%": permuted.but(rising_share=0.3),
        "permutation, rises for 80%": permuted.but(rising_share=0.8),
        "permutation, rate 0.002": permuted.but(learning_rate=2e-3),
        "permutation, rate 0.003": fast,
        "permutation, rate 0.003, distillation": fast.but(distillation=0.5),
        "permutation, rate 0.003, distillation, rises for 30%": fast.but(
            distillation=0.5, rising_share=0.3
        ),
        "unstructured, rate 0.003": unstructured.but(learning_rate=3e-3),
        "aligned, rate 0.003": aligned.but(learning_rate=3e-3),
        "aligned, rate 0.003, distillation": aligned.but(learning_rate=3e-3, distillation=0.5),
        "unstructured, rate 0.003, distillation": unstructured.but(
            learning_rate=3e-3, distillation=0.5
        ),
    }
