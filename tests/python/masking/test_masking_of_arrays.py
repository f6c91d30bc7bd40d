# SPDX-License-Identifier: Apache-2.0
"""`ubp.masking` without a framework: layers that are arrays, updated and chosen among."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

import ubp
from ubp.masking.choice import choose
from ubp.masking.pruning_settings import PruningSettings
from ubp.masking.updates import MaskUpdate, advance, update_at_step_zero


@dataclass(eq=False)
class ArrayLayer:
    """A layer of one kernel, and a candidate of policies; the kernel is [lanes, channels]."""

    name: str
    weights: np.ndarray
    settings: PruningSettings
    steps_begun: int = 0
    last_update: MaskUpdate | None = None
    positions: int | None = None
    strides: tuple[int, ...] = ()
    window: tuple[int, ...] = ()
    mask: np.ndarray = field(init=False)
    penalty: tuple[float, dict[str, Any]] = (0.0, {})
    has_weights = True
    is_first_kind = False

    def __post_init__(self) -> None:
        self.mask = np.ones(self.weights.shape, bool)

    @property
    def layer(self) -> ArrayLayer:
        return self

    @property
    def layer_name(self) -> str:
        return self.name

    @property
    def kernels(self) -> list[ArrayLayer]:
        return [self]

    @property
    def shape(self) -> tuple[int, int]:
        return self.weights.shape

    @property
    def input_channels(self) -> int:
        return len(self.weights)

    def advance(self, steps: int) -> float | None:
        sparsity = self.settings.schedule.due_among(self.steps_begun, steps)
        self.steps_begun += steps
        return sparsity

    def stored(self) -> np.ndarray:
        return self.weights

    def importance(self, measure: Any) -> np.ndarray:
        return measure.of(self.weights, None, self)

    def mask_matrix(self) -> np.ndarray:
        return self.mask

    def set_mask(self, mask: np.ndarray) -> None:
        self.mask = mask

    def penalty_state(self) -> dict[str, np.ndarray]:
        names = self.settings.schedule.state_names
        return {name: self.penalty[1].get(name, np.zeros(self.shape)) for name in names}

    def set_penalty(self, strength: float, state: dict[str, np.ndarray]) -> None:
        self.penalty = (strength, dict(state))

    def channel_counts(self) -> list[int]:
        return [self.weights.shape[1]]

    def why_not_pruned(self, settings: PruningSettings) -> str | None:
        return "it is called so" if self.name == "dense" else None


def layers_of(settings: PruningSettings, names: str = "abc") -> list[ArrayLayer]:
    rng = np.random.default_rng(0)
    return [
        ArrayLayer(name, rng.normal(size=(16, 8)).astype(np.float32) * scale, settings)
        for scale, name in enumerate(names, 1)
    ]


def test_masks_are_updated_when_the_schedule_says() -> None:
    schedule = ubp.PolynomialDecay(0.25, 0.75, begin_step=0, end_step=4, frequency=2)
    layers = layers_of(PruningSettings(schedule, ubp.UnalignedBlock(2)))
    found = [[each.sparsity for each in update_at_step_zero(layers)]]
    found += [[each.sparsity for each in advance(layers)] for _ in range(5)]
    assert found[0] == [0.25] * 3 and found[1] == [] == found[3] == found[5]
    assert found[4] == [0.75] * 3
    best = ubp.select_blocks(np.abs(layers[0].weights), 2, sparsity=0.75).mask()
    np.testing.assert_array_equal(layers[0].mask, best)
    assert layers[0].last_update is not None and layers[0].last_update.step == 4


def test_steps_that_are_counted_together_end_with_the_last_update() -> None:
    schedule = ubp.PolynomialDecay(0.0, 0.5, begin_step=0, end_step=4, frequency=1)
    layers = layers_of(PruningSettings(schedule))
    assert [each.step for each in advance(layers, 3)] == [3, 3, 3]
    assert layers[0].mask.mean() == pytest.approx(1 - schedule(3)[1], abs=0.03)


def test_one_budget_serves_all() -> None:
    settings = PruningSettings(ubp.ConstantSparsity(0.5), scope=ubp.GlobalBudget("l2"))
    layers = layers_of(settings)
    update_at_step_zero(layers)
    masks = np.stack([layer.mask for layer in layers])
    assert masks.mean() == 0.5


@pytest.mark.parametrize("kind", [ubp.ADMM, ubp.ReweightedRegularization])
def test_a_penalty_is_updated_and_ends(kind: Any) -> None:
    schedule = kind(0.75, begin_step=0, end_step=4, frequency=2)
    layers = layers_of(PruningSettings(schedule, ubp.UnalignedBlock(2)))
    (first, *_) = update_at_step_zero(layers)
    strength, state = layers[0].penalty
    assert first.sparsity == 0.0 and first.residual is not None and first.residual > 0
    assert strength == schedule.strength_at(0) > 0
    by_hand = {
        ubp.ADMM: lambda w: ((w - state["projection"] + state["dual"]) ** 2).sum(),
        ubp.ReweightedRegularization: lambda w: (state["alpha"] * w * w).sum(),
    }[kind](layers[0].weights)
    found = schedule.penalty(layers[0].weights, state, np.sum)
    assert float(found) == pytest.approx(float(by_hand), rel=1e-5) and found > 0
    for _ in range(4):
        advance(layers)
    assert layers[0].penalty == (0.0, {}) and layers[0].mask.mean() == 0.25


def test_policies_choose_among_any_layers() -> None:
    settings = PruningSettings(ubp.ConstantSparsity(0.5))
    layers = layers_of(settings, "ab") + layers_of(settings, ["dense", "last"])
    default = choose(layers, settings, None, "the model")
    assert [each.candidate.name for each in default] == ["a", "b"]
    asked = choose(layers, settings, lambda layer: layer.name == "b", "the model")
    assert [each.candidate.name for each in asked] == ["b"]
    named = choose(layers, settings, {layers[1]: 0.9, "*": True}, "the model")
    assert [each.settings.schedule.ends_at() for each in named] == [0.5, 0.9, 0.5]
    with pytest.raises(ValueError, match="layer 'dense' cannot be pruned: it is called so"):
        choose(layers, settings, "dense", "the model")
    with pytest.raises(ValueError, match="the model has no layer to prune; expected arrays of at"):
        choose(layers[2:], settings, None, "the model", "arrays")
