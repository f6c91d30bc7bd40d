"""The cells of `./run experiment accuracy`: eight methods in each of them."""

from __future__ import annotations

from experiment.study.recipe import ALIGNED, UNALIGNED, UNSTRUCTURED, Cell, Recipe

METHODS = (
    "unstructured",
    "aligned",
    "greedy",
    "bed",
    "optimal",
    "aligned+permutation",
    "optimal+permutation",
    "optimal+global",
)
GRADUAL_SPARSITY = 0.95


def recipe(method: str, block_size: int, sparsity: float, steps: int = 0) -> Recipe:
    """What one of METHODS does; steps as `Recipe` has them."""
    unaligned = Recipe(UNALIGNED, block_size, sparsity, steps=steps)
    aligned = unaligned.but(pattern=ALIGNED, method="aligned")
    return {
        "unstructured": unaligned.but(pattern=UNSTRUCTURED, block_size=1),
        "aligned": aligned,
        "greedy": unaligned.but(method="greedy"),
        "bed": unaligned.but(method="bed"),
        "optimal": unaligned,
        "aligned+permutation": aligned.but(permute=True),
        "optimal+permutation": unaligned.but(permute=True),
        "optimal+global": unaligned.but(scope="global"),
    }[method]


def cells() -> list[Cell]:
    """All cells, in the order of the page."""
    return [
        _one_shot("vgg", 8, 70),
        _one_shot("vgg", 8, 80),
        _one_shot("vgg", 4, 80),
        _gradual("vgg", 8, 230),
        _gradual("vgg", 8, 460),
        _gradual("vgg", 4, 230),
        _one_shot("mobilenet", 8, 80),
        _gradual("mobilenet", 8, 230),
    ]


def _one_shot(network: str, block_size: int, percent: int) -> Cell:
    return Cell(
        name=f"{network}-oneshot{percent}-n{block_size}",
        title=f"{network}, one-shot, {percent}%, N={block_size}",
        network=network,
        recipes={name: recipe(name, block_size, percent / 100) for name in METHODS},
    )


def _gradual(network: str, block_size: int, steps: int) -> Cell:
    return Cell(
        name=f"{network}-gradual{steps}-n{block_size}",
        title=f"{network}, gradual, {GRADUAL_SPARSITY:.0%}, N={block_size}, {steps} steps",
        network=network,
        recipes={name: recipe(name, block_size, GRADUAL_SPARSITY, steps) for name in METHODS},
    )
