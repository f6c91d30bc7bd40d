"""The cells of `./run experiment recipes`: combinations at 95% and equal predicted latency.

A cell is a way to train. In each, the same ways to choose blocks are compared with aligned blocks
and with unstructured pruning that are trained alike, so that a better training by itself closes no
gap. Every recipe but the unstructured one keeps the same share of each layer in blocks of N = 8, or
by a latency budget blocks that are predicted to take the same time.
"""

from __future__ import annotations

from typing import Any

from experiment.study.methods import GRADUAL_SPARSITY, recipe
from experiment.study.recipe import Cell

UPPER = "unstructured"  # the end of the gap that begins at REFERENCE
_BLOCK_SIZE, _STEPS = 8, 460


def cells() -> list[Cell]:
    """All cells, in the order of the page."""
    fast = {"learning_rate": 3e-3}
    return [
        _cell("plain", "learning rate 0.001"),
        _cell("straight", "straight-through gradients", gradients="straight_through"),
        _cell("early", "sparsity rises within 30% of the steps", rising_share=0.3),
        _cell("fast", "learning rate 0.003", **fast),
        _cell("distilled", "learning rate 0.003, distillation", **fast, distillation=0.5),
    ]


def _cell(name: str, title: str, **training: Any) -> Cell:
    """The ways to choose blocks, trained as these fields of `Recipe` say."""
    unstructured, aligned, optimal, aligned_permuted, permuted = (
        recipe(method, _BLOCK_SIZE, GRADUAL_SPARSITY, _STEPS).but(**training)
        for method in (
            UPPER,
            "aligned",
            "optimal",
            "aligned+permutation",
            "optimal+permutation",
        )
    )
    budget: dict[str, Any] = {"scope": "latency", "min_density": 0.025}
    return Cell(
        name=f"vgg-{name}",
        title=f"vgg, {GRADUAL_SPARSITY:.0%}, N={_BLOCK_SIZE}, {_STEPS} steps, {title}",
        network="vgg",
        recipes={
            UPPER: unstructured,
            "aligned": aligned,
            "aligned+permutation": aligned_permuted,
            "optimal": optimal,
            "optimal+latency": optimal.but(scope="latency"),
            "optimal+latency, 2.5% of each": optimal.but(**budget),
            "optimal+permutation": permuted,
            "optimal+permutation+latency, 2.5% of each": permuted.but(**budget),
        },
    )
