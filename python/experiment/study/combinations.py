"""The cells of `./run experiment recipes`: combinations at 95% and equal predicted latency.

A cell is a way to train. In each, ways to choose blocks are compared with aligned blocks and with
unstructured pruning that are trained alike, so that a better training by itself closes no gap; how
far a recipe comes in the gap of the first cell, PLAIN, counts the training, too. Every recipe but
the unstructured one keeps blocks that are predicted to take the same time: 5% of each layer in
blocks of N = 8, by a latency budget other shares that together take as long, or with N = 4 as many
weights, which take 1% longer by the costs that `ubp.costs` comes with.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from experiment.study.methods import GRADUAL_SPARSITY, recipe
from experiment.study.recipe import ADMM, REWEIGHTED, Cell, Recipe
from experiment.study.report import CellResult, Report

UPPER = "unstructured"  # the end of the gap that begins at REFERENCE
PLAIN = "vgg-plain"
_BLOCK_SIZE, _STEPS = 8, 460
_FAST: dict[str, Any] = {"learning_rate": 3e-3}
_FASTER: dict[str, Any] = {"learning_rate": 6e-3}
_DISTILLED: dict[str, Any] = {"distillation": 0.5}
_GRADIENT: dict[str, Any] = {"importance": "gradient", "rising_share": 0.4}
_PENALTY: dict[str, Any] = {"frequency": 30, "rising_share": 0.4}

_BUDGET = "optimal+permutation+latency"
_SMALL = "optimal+permutation, N=4"
_SHORT = (UPPER, "aligned", "optimal+permutation")
_ALL = (UPPER, "aligned", "optimal", "optimal+permutation", _BUDGET, _SMALL)


def cells() -> list[Cell]:
    """All cells, in the order of the page."""
    return [
        _cell(PLAIN, "learning rate 0.001", _ALL),
        _cell("vgg-fast", "learning rate 0.003", _ALL, **_FAST),
        _cell("vgg-faster", "learning rate 0.006", _SHORT, **_FASTER),
        _cell(
            "vgg-straight",
            "straight-through gradients, learning rate 0.003",
            _SHORT,
            **_FAST,
            gradients="straight_through",
        ),
        _cell(
            "vgg-admm",
            "ADMM, learning rate 0.003",
            _SHORT,
            **_FAST,
            **_PENALTY,
            schedule=ADMM,
        ),
        _cell(
            "vgg-reweighted",
            "reweighted regularisation, learning rate 0.003",
            (*_SHORT, _BUDGET),
            **_FAST,
            **_PENALTY,
            schedule=REWEIGHTED,
        ),
        _cell(
            "vgg-distilled",
            "distillation, learning rate 0.003",
            (*_SHORT, _BUDGET),
            **_FAST,
            **_DISTILLED,
        ),
        _cell(
            "vgg-gradient",
            "importance by gradients, learning rate 0.003",
            (*_SHORT, _BUDGET),
            **_FAST,
            **_GRADIENT,
        ),
        _cell(
            "vgg-gradient-faster",
            "importance by gradients, learning rate 0.006",
            _ALL,
            **_FASTER,
            **_GRADIENT,
        ),
        _cell(
            "vgg-gradient-distilled",
            "importance by gradients, distillation, learning rate 0.006",
            _SHORT,
            **_FASTER,
            **_GRADIENT,
            **_DISTILLED,
        ),
    ]


def plain_cell(report: Report) -> CellResult | None:
    """PLAIN's results, if it was run."""
    return next((cell for cell in report.cells if cell.name == PLAIN), None)


def _cell(name: str, title: str, choices: Sequence[str], **training: Any) -> Cell:
    """Some ways to choose blocks, trained as these fields of `Recipe` say."""
    return Cell(
        name=name,
        title=f"vgg, {GRADUAL_SPARSITY:.0%}, N={_BLOCK_SIZE}, {_STEPS} steps, {title}",
        network="vgg",
        recipes={choice: _recipe(choice).but(**training) for choice in choices},
    )


def _recipe(choice: str) -> Recipe:
    """One way to choose blocks, trained as in PLAIN."""
    permuted = recipe("optimal+permutation", _BLOCK_SIZE, GRADUAL_SPARSITY, _STEPS)
    combined = {
        _BUDGET: permuted.but(scope="latency", normalize="lamp"),
        _SMALL: permuted.but(block_size=4),
    }
    return combined.get(choice) or recipe(choice, _BLOCK_SIZE, GRADUAL_SPARSITY, _STEPS)
