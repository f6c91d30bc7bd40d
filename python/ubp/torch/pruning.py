# SPDX-License-Identifier: Apache-2.0
"""`prune`: masks on the weights of a module; Pruning: updates them as training goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from ubp.arguments import shown
from ubp.masking.choice import Chosen, Value, check_alignment, choose
from ubp.masking.importance import Importance, ImportanceFunction
from ubp.masking.patterns import Pattern
from ubp.masking.pruning_settings import DEFAULT_PATTERN, PruningSettings
from ubp.masking.regularized import RegularizedSchedule
from ubp.masking.schedules import AnySchedule
from ubp.masking.scopes import Scope
from ubp.masking.updates import MaskUpdate, advance, update_at_step_zero
from ubp.torch.mask import Mask
from ubp.torch.modules import Candidate, candidates_of, is_prunable_kind, kind_of, positions_of
from ubp.torch.weights import pruned_weights, unmask

_Which: TypeAlias = str | nn.Module
Policy: TypeAlias = (
    _Which
    | Sequence[_Which]
    | Mapping[str, Value]
    | Mapping[_Which, Value]
    | Callable[[str, nn.Module], Value]
    | None
)


class Pruning:
    """Updates the masks of a pruned module by their schedule; `ubp.torch.prune` returns one.

    A module that was copied, or loaded whole by `torch.load`, needs one of its own:
    `ubp.torch.Pruning(module)`.

        >>> import torch
        >>> import ubp
        >>> import ubp.torch
        >>> model = torch.nn.Sequential(torch.nn.Linear(16, 8), torch.nn.Linear(8, 2))
        >>> schedule = ubp.PolynomialDecay(0.0, 0.75, begin_step=0, end_step=2, frequency=1)
        >>> pruning = ubp.torch.prune(model, schedule, layers="0")
        >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        >>> for _ in range(2):
        ...     loss = model(torch.ones(4, 16)).square().mean()
        ...     optimizer.zero_grad()
        ...     loss.backward()
        ...     optimizer.step()
        ...     pruning.step()
        >>> pruning.sparsity
        0.75

    Args:
        module: one that `ubp.torch.prune` has pruned.

    Raises:
        TypeError: if it is no module of PyTorch.
        ValueError: if nothing in it is pruned.

    Attributes:
        updates: what the last update did to each weight; empty before the first.
    """

    def __init__(self, module: nn.Module) -> None:
        check_module(module, "Pruning")
        self._weights = pruned_weights(module)
        if not self._weights:
            raise ValueError(
                f"Pruning: module {kind_of(module)} has no pruned weight; expected one that "
                "ubp.torch.prune() has pruned."
            )
        self.updates: list[MaskUpdate] = []
        self._has_penalised = False

    @property
    def sparsity(self) -> float:
        """The share of the pruned modules' weights that the masks remove."""
        removed = sum(each.sparsity * each.size for each in self._weights)
        return removed / sum(each.size for each in self._weights)

    def step(self) -> None:
        """Count a training step, and update the masks if one is due; after `optimizer.step()`.

        Raises:
            ValueError: if importance is not finite, or a budget cannot be met (naming the module).
            RuntimeError: if a schedule regularises, and `penalty()` was not part of the loss.
        """
        self._check_penalised()
        updates = advance(self._weights)
        self.updates = updates or self.updates

    def penalty(self) -> Tensor:
        """What schedules that regularise, `ubp.ADMM` and others, add to the loss; else zero.

        Returns:
            A float32 scalar, to add to the loss of every step. Weights that are frozen add none.
        """
        self._has_penalised = True
        device = self._weights[0].original.device
        total = torch.zeros((), device=device)
        for each in self._weights:
            is_trained = each.original.requires_grad
            if is_trained and isinstance(each.settings.schedule, RegularizedSchedule):
                total = total + each.mask.penalty(each.original).to(device)
        return total

    def _check_penalised(self) -> None:
        for each in self._weights:
            schedule, step = each.settings.schedule, each.steps_begun
            regularises = isinstance(schedule, RegularizedSchedule) and schedule.strength_at(step)
            if regularises and not self._has_penalised:
                raise RuntimeError(
                    f"Pruning: {schedule} draws weights to blocks by a penalty, which this step's "
                    "loss was without; add pruning.penalty() to the loss."
                )
        self._has_penalised = False


def prune(
    module: nn.Module,
    schedule: AnySchedule,
    pattern: Pattern = DEFAULT_PATTERN,
    method: str = "optimal",
    layers: Policy = None,
    gradients: str = "masked",
    importance: str | Importance | ImportanceFunction = "magnitude",
    scope: str | Scope = "layer",
    example_inputs: Tensor | Sequence[Tensor] | None = None,
) -> Pruning:
    """Put masks on the weights of a module, in place, which are updated as it trains.

    Each weight that is pruned gets a parametrisation (`torch.nn.utils.parametrize`). Its parameter
    stays the same object, so that an optimizer made before still has it, and is called
    `parametrizations.weight.original`; `weight` is what the module computes with, where pruned
    weights are zero. The masks of step 0 are in place at once. Call `pruning.step()` after each
    `optimizer.step()`, and `ubp.torch.strip(module)` in the end.

    Masks and the count of steps are part of the module's `state_dict`. To resume, make and prune
    the module as before, then load it: training goes on as if it had not been interrupted. As
    optimizers load by the order of parameters, which pruning changes, make that of the resumed run
    where that of the first was made, before or after `prune`.

        >>> import torch
        >>> import ubp
        >>> import ubp.torch
        >>> convolutions = [torch.nn.Conv2d(8, 8, 3, padding=1) for _ in range(3)]
        >>> model = torch.nn.Sequential(*convolutions)
        >>> pruning = ubp.torch.prune(model, ubp.ConstantSparsity(0.75), ubp.UnalignedBlock(4))
        >>> [float((each.weight == 0).float().mean()) for each in model]
        [0.0, 0.75, 0.0]

    Args:
        module: a model, or a single convolution or Linear.
        schedule: when masks are updated and to which sparsity: `ubp.ConstantSparsity`,
            `ubp.PolynomialDecay`, or a callable step -> sparsity or step -> (update due, sparsity);
            a step is a call of `Pruning.step`. `ubp.ADMM` and `ubp.ReweightedRegularization` draw
            the weights to blocks before they prune them: add `Pruning.penalty()` to the loss.
        pattern: what is kept: `ubp.UnalignedBlock(block_size)`, `ubp.AlignedBlock(block_size)` or
            `ubp.Unstructured()`; blocks are of output channels. For int8
            `ubp.UnalignedBlock(2, lanes=4)`.
        method: how blocks are chosen: "optimal", "bed", "greedy" or "aligned" (see
            `ubp.select_blocks`).
        layers: which modules are pruned, and how. None: every Conv1d, Conv2d, ConvTranspose1d,
            ConvTranspose2d and Linear that can be, except the first convolution, the last module
            with weights (the classifier), convolutions of several groups, and those that the blocks
            do not fit. A name such as "layer1.0.conv1", a pattern such as "layer1.*", a module, or
            a list of them: these. A mapping from such names to the sparsity, to a mapping of
            settings ({"pattern": ubp.UnalignedBlock(8), "sparsity": 0.9}) or to None (stays dense):
            the first that matches holds. A callable (name, module) -> any of these values, or bool.
        gradients: "masked": pruned weights get no gradient; a mask update may take them back at the
            value they had, but for what momentum and weight decay do to it. "straight_through":
            they get the gradient of a kept weight and may grow back.
        importance: "magnitude", "squared", "gradient" or a callable (weights float32 [lanes,
            channels], module) -> importance; see `ubp.masking.importance`.
        scope: whose sparsity the schedule prescribes: "layer": every weight's; "global": that of
            all weights together; "latency": the share of their predicted time; or a
            `ubp.GlobalBudget` or `ubp.LatencyBudget`.
        example_inputs: a tensor, or a sequence of them, as the module is called with, on its
            device; scope="latency" needs them, to know at how many positions weights are used.

    Returns:
        What updates the masks.

    Raises:
        TypeError: if an argument is of the wrong kind.
        ValueError: if the module is already pruned, if a module that is named is unknown or cannot
            be pruned, if aligned blocks do not divide its channels, if nothing is left to prune, or
            if an argument has an impossible value.
    """
    check_module(module, "prune")
    arguments: dict[str, Any] = {
        "schedule": schedule,
        "pattern": pattern,
        "method": method,
        "gradients": gradients,
        "importance": importance,
        "scope": scope,
    }
    settings = PruningSettings(**arguments)
    if pruned_weights(module):
        raise ValueError(
            f"prune: module {kind_of(module)} is already pruned; call "
            "ubp.torch.strip(module) first."
        )
    choices = _choices(module, settings, layers)
    positions = _positions(module, choices, example_inputs)
    for candidate, own in choices:
        layer = candidate.layer
        mask = Mask(layer.weight, own, positions.get(id(layer)))
        parametrize.register_parametrization(layer, "weight", mask)
    try:
        update_at_step_zero(pruned_weights(module))
    except ValueError:
        for each in pruned_weights(module):
            unmask(each, leave_parametrized=False)
        raise
    return Pruning(module)


def check_module(module: Any, caller: str) -> None:
    """Refuse what is no module of PyTorch.

    Raises:
        TypeError: if it is none.
    """
    if not isinstance(module, nn.Module):
        raise TypeError(f"{caller}: module is {shown(module)}; expected a torch.nn.Module.")


def _choices(module: nn.Module, settings: PruningSettings, layers: Policy) -> list[Chosen]:
    candidates = candidates_of(module)
    if is_prunable_kind(module):
        return [_single(candidates[0], settings, layers)]
    policy: Any = layers
    if callable(layers) and not isinstance(layers, type | nn.Module):
        names = {id(each.layer): each.name for each in candidates}
        asked = layers

        def policy(layer: nn.Module) -> Value:
            return asked(names[id(layer)], layer)

    kinds = "convolutions or Linear modules"
    return choose(candidates, settings, policy, f"module {kind_of(module)}", kinds)


def _single(candidate: Candidate, settings: PruningSettings, layers: Policy) -> Chosen:
    """A module that is a convolution or Linear itself."""
    if layers is not None:
        raise ValueError(
            "prune: layers chooses among those of a model, but what is to be pruned is a "
            f"{kind_of(candidate.layer)}; leave the argument out."
        )
    reason = candidate.why_not_pruned(settings)
    if reason is not None:
        raise ValueError(f"prune: module '{candidate.name}' cannot be pruned: {reason}.")
    check_alignment(candidate, settings)
    return Chosen(candidate, settings)


def _positions(module: nn.Module, choices: Sequence[Chosen], example_inputs: Any) -> dict[int, int]:
    """By id, the positions that modules are used at, where budgets of time need them."""
    timed = [each.candidate for each in choices if each.settings.scope.is_timed]
    if not timed:
        return {}
    inputs = [example_inputs] if isinstance(example_inputs, Tensor) else example_inputs
    if not isinstance(inputs, Sequence) or not all(isinstance(each, Tensor) for each in inputs):
        raise TypeError(
            f"prune: example_inputs is {shown(example_inputs)}; expected a tensor, or a sequence "
            "of them, which scope='latency' needs."
        )
    found: dict[int, int] = {}

    def note(layer: nn.Module, _: Any, output: Tensor) -> None:
        found[id(layer)] = positions_of(tuple(output.shape), layer)

    hooks = [each.layer.register_forward_hook(note) for each in timed]
    modes = {each: each.training for each in module.modules()}
    try:
        module.eval()
        with torch.no_grad():
            module(*inputs)
    finally:
        for each, training in modes.items():
            each.training = training
        for hook in hooks:
            hook.remove()
    return found
