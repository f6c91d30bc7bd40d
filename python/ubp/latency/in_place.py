# SPDX-License-Identifier: Apache-2.0
"""Lines of layers, fitted to the times of the delegate's steps.

A step runs one layer, or several in strips; which, may change with what the layers are. So the
layers that ever shared a step are fitted together, by least squares of relative errors:

    time of a step = sum over its layers of  fixed_l + block_lN * blocks,  or of  dense_l

Where steps alone would not tell layers apart, all terms of a group of layers are drawn, weakly,
to what is expected of them, up to one factor for the group.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ubp.latency.network import Line, MeasuredLayer, Setting

Reals = npt.NDArray[np.float64]

MEASURED_SIZES = (1, 2, 4, 8)  # N; 16 is no faster than 8, and keeps less
MEASURED_DENSITIES = (0.04, 0.12, 0.35)  # shares of the weights

_PULL = 0.03  # of what is expected, against relative errors of steps
_PULL_OF_FACTOR = 0.3  # towards 1, likewise against relative errors of inferences
_OUTLIER = 0.15  # relative error of a step that counts less from there on
_REWEIGHTED = 4  # times


class StepTime(NamedTuple):
    """A step that ran layers: (number of the layer, what it was), and the microseconds it took."""

    layers: tuple[tuple[int, Setting], ...]
    us: float


@dataclass(frozen=True)
class Expected:
    """What is expected of a layer beforehand, in microseconds.

    block_us: of one block by N.
    dense_us: of the dense layer.
    """

    block_us: Mapping[int, float]
    dense_us: float


@dataclass(frozen=True)
class LayerFit:
    """What was found of a layer.

    sparse: a line for each N of `Expected`.
    dense_us: None where no step ran the dense layer.
    """

    sparse: Mapping[int, Line]
    dense_us: float | None


def fit_layers(expected: Sequence[Expected], steps: Sequence[StepTime]) -> list[LayerFit]:
    """Fit all layers of a network.

    Args:
        expected: of each layer.
        steps: all that ran one of the layers, of all trials.

    Raises:
        ValueError: if no step ran some layer with blocks.
    """
    fits: dict[int, LayerFit] = {}
    for group in _groups(len(expected), steps):
        own = [step for step in steps if step.layers and step.layers[0][0] in group]
        fits |= _fit_group(sorted(group), expected, own)
    return [fits[index] for index in range(len(expected))]


def _groups(count: int, steps: Sequence[StepTime]) -> list[set[int]]:
    """Layers that are to be fitted together."""
    group_of = {index: {index} for index in range(count)}
    for step in steps:
        joined: set[int] = set().union(*(group_of[index] for index, _ in step.layers))
        for index in joined:
            group_of[index] = joined
    return list({id(group): group for group in group_of.values()}.values())


def _fit_group(
    group: Sequence[int], expected: Sequence[Expected], steps: Sequence[StepTime]
) -> dict[int, LayerFit]:
    columns: dict[tuple[int, int | str], int] = {}
    for index in group:
        terms: list[int | str] = ["fixed", "dense", *expected[index].block_us]
        for term in terms:
            columns[index, term] = len(columns)
    seen = {(index, _term(setting)) for step in steps for index, setting in step.layers}
    for index in group:
        if not any((index, n) in seen for n in expected[index].block_us):
            raise ValueError(
                f"no step of the delegate's profile runs layer number {index} with blocks; measure "
                "with more inferences, or leave the layer out."
            )
    matrix = np.zeros((len(steps), len(columns)))
    for row, step in zip(matrix, steps, strict=True):
        for index, setting in step.layers:
            if setting is None:
                row[columns[index, "dense"]] += 1.0
            else:
                row[columns[index, "fixed"]] += 1.0
                row[columns[index, setting[0]]] += setting[1]
    times = np.array([step.us for step in steps])
    prior = np.array([_prior(expected[index], term) for index, term in columns])
    found = _solve(matrix, times, prior)
    return {
        index: LayerFit(
            {
                n: Line(float(found[columns[index, "fixed"]]), float(found[columns[index, n]]))
                for n in expected[index].block_us
            },
            float(found[columns[index, "dense"]]) if (index, "dense") in seen else None,
        )
        for index in group
    }


def _term(setting: Setting) -> int | str:
    return "dense" if setting is None else setting[0]


def _prior(expected: Expected, term: int | str) -> float:
    if term == "fixed":
        return 0.1 * expected.dense_us
    return expected.dense_us if term == "dense" else expected.block_us[int(term)]


def _solve(matrix: Reals, times: Reals, prior: Reals) -> Reals:
    """Terms at least 0, of which the last unknown, the group's factor, is left out."""
    pull = _PULL * np.eye(len(prior), len(prior) + 1)
    pull[:, -1] = -_PULL
    scaled = np.hstack([matrix * prior / times[:, np.newaxis], np.zeros((len(times), 1))])
    weights = np.ones(len(times))
    for _ in range(_REWEIGHTED):
        rows = np.vstack([scaled * weights[:, np.newaxis], pull])
        wanted = np.concatenate([weights, np.zeros(len(prior))])
        found = nonnegative(rows, wanted)
        errors = np.abs(scaled @ found - 1.0)
        weights = np.sqrt(np.minimum(1.0, _OUTLIER / np.maximum(errors, 1e-12)))
    return np.asarray(found[:-1] * prior)


def with_rest(
    layers: Sequence[MeasuredLayer], trials: Sequence[tuple[Sequence[Setting], float]]
) -> tuple[float, list[MeasuredLayer]]:
    """What inferences take beside the layers, and the layers at the pace of whole inferences.

    The least time of an inference is not that of its steps together, on a busy machine least of
    all; and around dense layers the rest of the network changes, too: its other operators may be
    left with them, and tensors change their layout. So

        time of an inference = fixed + factor * sparse layers + another factor * dense layers

    with factors that are drawn to 1.

    Args:
        layers: as their steps were fitted.
        trials: of each what the layers were, and the microseconds of an inference.
    """
    terms = np.zeros((len(trials), 3))
    for row, (settings, us) in zip(terms, trials, strict=True):
        row[0] = 1.0 / us
        for layer, setting in zip(layers, settings, strict=True):
            row[2 if setting is None else 1] += layer.us(setting) / us
    pull = _PULL_OF_FACTOR * np.eye(3)[1:]
    rows, wanted = np.vstack([terms, pull]), np.append(np.ones(len(trials)), pull.sum(axis=1))
    fixed, sparse, dense = nonnegative(rows, wanted)
    stretched = [
        replace(
            layer,
            dense_us=float(dense) * layer.dense_us,
            sparse={
                n: Line(float(sparse) * line.fixed_us, float(sparse) * line.block_us)
                for n, line in layer.sparse.items()
            },
        )
        for layer in layers
    ]
    return float(fixed), stretched


def nonnegative(matrix: Reals, wanted: Reals) -> Reals:
    """Least squares with no unknown below 0: those that would be are taken out, one by one."""
    used = np.ones(matrix.shape[1], np.bool_)
    found = np.zeros(matrix.shape[1])
    while used.any():
        solution = np.linalg.lstsq(matrix[:, used], wanted, rcond=None)[0]
        if solution.min() >= 0.0:
            found[used] = solution
            break
        used[
            np.flatnonzero(used)[int(np.argmin(solution * np.linalg.norm(matrix[:, used], axis=0)))]
        ] = False
    return found
