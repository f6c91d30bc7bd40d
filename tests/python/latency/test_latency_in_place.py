# SPDX-License-Identifier: Apache-2.0
"""Lines of layers, fitted to synthetic times of steps."""

from __future__ import annotations

import numpy as np
import pytest

from ubp.costs import LayerShape
from ubp.latency.in_place import Expected, StepTime, fit_layers, nonnegative, with_rest
from ubp.latency.network import Line, MeasuredLayer, Setting

SIZES = (1, 2, 4, 8)
TRUE_BLOCK = {1: 0.011, 2: 0.013, 4: 0.02, 8: 0.04}


def true_us(layer: int, setting: Setting) -> float:
    scale = 1.0 + 0.3 * layer
    if setting is None:
        return 160.0 * scale
    return 5.0 * scale + TRUE_BLOCK[setting[0]] * scale * setting[1]


def steps_of(
    rng: np.random.Generator, together: list[list[int]], noise: float, trials: int = 13
) -> list[StepTime]:
    choices: list[Setting] = [(n, round(8192 * d / n)) for n in SIZES for d in (0.05, 0.15, 0.4)]
    choices.append(None)
    layers = sorted(layer for group in together for layer in group)
    orders = {layer: rng.permutation(len(choices)) for layer in layers}
    steps = []
    for trial in range(trials):
        for group in together:
            own = tuple((layer, choices[orders[layer][trial]]) for layer in group)
            us = sum(true_us(*each) for each in own)
            steps.append(StepTime(own, us * float(rng.uniform(1, 1 + noise))))
    return steps


def expected(count: int) -> list[Expected]:
    return [Expected({n: 1.3 * us for n, us in TRUE_BLOCK.items()}, 200.0)] * count


@pytest.mark.parametrize("together", [[[0], [1], [2]], [[0], [1, 2]], [[0, 1, 2]]])
def test_times_are_found_again(rng: np.random.Generator, together: list[list[int]]) -> None:
    steps = steps_of(rng, together, 0.01, trials=13)
    fits = fit_layers(expected(3), steps)
    for step in steps:
        found = 0.0
        for layer, setting in step.layers:
            fit = fits[layer]
            if setting is None:
                assert fit.dense_us is not None
                found += fit.dense_us
            else:
                found += fit.sparse[setting[0]].us(setting[1])
        assert found == pytest.approx(step.us, rel=0.03)


def test_a_layer_alone_is_found_exactly(rng: np.random.Generator) -> None:
    (fit,) = fit_layers(expected(1), steps_of(rng, [[0]], 0.0))
    for n, line in fit.sparse.items():
        assert line.block_us == pytest.approx(TRUE_BLOCK[n], rel=0.05)
    assert fit.dense_us == pytest.approx(160.0, rel=0.01)


def test_a_step_that_was_disturbed_counts_little(rng: np.random.Generator) -> None:
    steps = steps_of(rng, [[0]], 0.005)
    steps[3] = steps[3]._replace(us=6 * steps[3].us)
    (fit,) = fit_layers(expected(1), steps)
    others = [step for index, step in enumerate(steps) if index != 3]
    for step in others:
        ((_, setting),) = step.layers
        found = fit.dense_us if setting is None else fit.sparse[setting[0]].us(setting[1])
        assert found == pytest.approx(step.us, rel=0.15)


def test_what_never_ran_is_said(rng: np.random.Generator) -> None:
    sparse_only = [step for step in steps_of(rng, [[0]], 0.0) if step.layers[0][1] is not None]
    assert fit_layers(expected(1), sparse_only)[0].dense_us is None
    with pytest.raises(ValueError, match="layer number 1"):
        fit_layers(expected(2), sparse_only)


def test_least_squares_without_negative_terms(rng: np.random.Generator) -> None:
    matrix = rng.uniform(0, 1, (40, 5))
    wanted = matrix @ np.array([1.0, 0.0, 2.0, 0.5, 0.0])
    assert nonnegative(matrix, wanted) == pytest.approx([1.0, 0.0, 2.0, 0.5, 0.0], abs=1e-6)
    assert (nonnegative(matrix, -wanted) == 0).all()


def test_layers_are_stretched_to_whole_inferences(rng: np.random.Generator) -> None:
    shape = LayerShape.of_convolution(64, 128, (1, 1), 196.0, 196.0)
    layers = [
        MeasuredLayer(f"layer {index}", "", shape, 160.0, {4: Line(5.0, 0.02)})
        for index in range(4)
    ]
    trials = []
    for _ in range(30):
        settings: list[Setting] = [(4, int(n)) for n in rng.integers(100, 9000, 4)]
        settings = [None if rng.random() < 0.4 else each for each in settings]
        sparse = sum(layers[0].us(each) for each in settings if each is not None)
        dense = sum(layers[0].us(each) for each in settings if each is None)
        trials.append((settings, 40 + 1.05 * sparse + 1.2 * dense))
    fixed, found = with_rest(layers, trials)
    for settings, us in trials:
        total = sum(layer.us(own) for layer, own in zip(found, settings, strict=True))
        assert fixed + total == pytest.approx(us, rel=0.03)
    assert found[1].dense_us == pytest.approx(1.2 * 160.0, rel=0.05)
    assert found[2].us((4, 1000)) == pytest.approx(1.05 * 25.0, rel=0.05)
