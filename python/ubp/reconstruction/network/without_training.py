# SPDX-License-Identifier: Apache-2.0
"""`prune_without_training`: a model, some hundred samples without labels, seconds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from ubp.arguments import check_number, check_whole
from ubp.data import Preprocessing, Samples, read_samples
from ubp.data.checks import relative_errors
from ubp.masking.kernel_pattern import KernelPattern
from ubp.masking.patterns import Pattern
from ubp.masking.pruning_settings import DEFAULT_PATTERN, PruningSettings
from ubp.masking.schedules import ConstantSparsity
from ubp.masking.scopes import Scope, as_scope
from ubp.pruning.layers.choice import Choice, Policy, choose_layers
from ubp.pruning.layers.pruned_layer import pruned_layers
from ubp.pruning.layers.walking import check_copyable
from ubp.reconstruction.network.calibration import shared_budgets
from ubp.reconstruction.network.lanes import LaneLayer, why_not_rebuilt
from ubp.reconstruction.network.preparation import (
    LEAST_PICTURES,
    check_backend,
    given,
    inputs_of,
    prepared,
)
from ubp.reconstruction.network.rebuilder import Rebuilder
from ubp.reconstruction.network.report import PrunedWithoutTraining, RebuildingReport
from ubp.reconstruction.problem import DAMPING
from ubp.reconstruction.projection import Blocks
from ubp.selection import max_num_blocks


def prune_without_training(
    model: keras.Model,
    data: Any,
    sparsity: float = 0.8,
    pattern: Pattern = DEFAULT_PATTERN,
    *,
    method: str = "optimal",
    layers: Policy = None,
    scope: str | Scope = "layer",
    samples: int = 512,
    preprocess: str | Preprocessing | None = None,
    size: tuple[int, int] | None = None,
    refit: bool = True,
    damping: float = DAMPING,
    seed: int = 0,
    progress: bool = True,
) -> PrunedWithoutTraining:
    """A copy of a model with blocks of zeros, whose layers are rebuilt from what is left of them.

    Layer after layer, the blocks are chosen and the kept weights re-fitted so that from the inputs
    that the layer now gets, its outputs come as close as can be to those of the dense model; then
    the statistics of the batch normalisation behind it are measured anew. No labels, no gradients.
    The model stays as it is. Blocks are chosen by ADMM (ALPS, arXiv 2406.07831) and swaps;
    docs/no-training.md says what to expect.

        >>> import keras
        >>> import numpy as np
        >>> import ubp
        >>> x = np.random.default_rng(0).normal(size=(100, 16)).astype("float32")
        >>> model = keras.Sequential([keras.Input((16,)), keras.layers.Dense(8, name="hidden")])
        >>> result = ubp.prune_without_training(model, x, 0.75, layers="hidden", progress=False)
        >>> float(np.mean(result.model.get_layer("hidden").get_weights()[0] == 0))
        0.75
        >>> [row.name for row in result.report.pruned]
        ['hidden']

    Args:
        model: a built model of Keras 3, functional, Sequential or subclassed; may contain models.
        data: inputs as the model will see them, some hundred of them: an array, a list or
            dictionary of arrays, an iterable of batches, a directory of pictures, or files; see
            `ubp.data.read_samples`, also for `preprocess` and `size`.
        sparsity: share of the weights of each pruned layer to remove, above 0, below 1.
        pattern: what is kept: `UnalignedBlock(block_size)`, `AlignedBlock(block_size)` or
            `Unstructured()`; for int8 `UnalignedBlock(2, lanes=4)`.
        method: how blocks are chosen, see `ubp.select_blocks`.
        layers: which layers are pruned, and how, as `ubp.prune` takes them; of the settings,
            "sparsity", "pattern", "method" and "scope" count. Layers of other kinds than Keras's
            are left.
        scope: whose sparsity it is: "layer": every layer's; "global": that of all pruned layers
            together; "latency": the share of their predicted time; or a `GlobalBudget` or
            `LatencyBudget`. A budget is shared out by what each layer's error costs at the outputs
            (see budget.py), not by the size of weights; of a budget's attributes `normalize` is
            not used. It takes about three times as long.
        samples: to use at most. Up to 64 more are held out, to judge the result by.
        preprocess, size: of pictures.
        refit: whether the dense layers behind pruned ones are re-fitted, too.
        damping: how strongly weights are drawn to the dense ones, in units of the mean power of a
            layer's inputs; above 0.
        seed: of all draws: the same seed, the same result.
        progress: show a progress bar on standard error.

    Returns:
        The copy, and a report: what became of each layer, and the error of each output on samples
        that were held out.

    Raises:
        TypeError: if the model or an argument is of the wrong kind.
        ValueError: if Keras is on another backend than TensorFlow; if the model is not built, or
            already pruned by `ubp.prune`; if the data does not fit it, is not finite, or is too
            little; if a layer that is named is unknown or cannot be pruned; or if an argument has
            an impossible value.
    """
    begin = time.perf_counter()
    check_backend()
    check_number("sparsity", sparsity, "a number above 0, below 1", lambda each: 0.0 < each < 1.0)
    check_number("damping", damping, "a number above 0", lambda each: 0.0 < each < np.inf)
    check_whole("seed", seed, 0)
    check_whole("samples", samples, 1)
    check_copyable(model, "prune_without_training")
    if pruned_layers(model):
        raise ValueError(
            f"prune_without_training: model '{model.name}' is pruned by ubp.prune; call "
            "ubp.strip(model) first."
        )
    settings = PruningSettings(ConstantSparsity(sparsity), pattern, method, scope=as_scope(scope))
    choices = _choose(model, settings, layers)
    calibration, judging = read_samples(
        data, inputs_of(model), limit=samples, preprocess=preprocess, size=size, seed=seed
    ).split(samples)
    pruned = [choice.layer for choice in choices]
    blocks = {id(choice.layer): _blocks(choice) for choice in choices}
    with prepared(model, calibration, pruned, refit, seed) as ready:
        blocks |= shared_budgets(ready, choices, damping, progress)
        rows = Rebuilder(ready, blocks, damping).run(progress)
    judging = judging.batched(LEAST_PICTURES)  # a functional model keeps all tensors of a call
    errors = relative_errors(_outputs(model, judging), _outputs(ready.copy, judging))
    report = RebuildingReport(
        tuple(rows), len(calibration), tuple(errors), len(judging), time.perf_counter() - begin
    )
    return PrunedWithoutTraining(ready.copy, report)


def _choose(model: keras.Model, settings: PruningSettings, policy: Policy) -> list[Choice]:
    """The layers that are pruned; those of unknown kinds are left unless they are named."""
    choices = choose_layers(model, settings, policy)
    chosen = []
    for choice in choices:
        pattern = choice.settings.pattern
        if isinstance(pattern, KernelPattern):
            raise ValueError(
                f"prune_without_training: the pattern of layer '{choice.layer.name}' is {pattern}; "
                "expected blocks, such as UnalignedBlock(4), or Unstructured()."
            )
        reason = why_not_rebuilt(choice.layer)
        if reason is None and choice.settings.schedule(0)[1] > 0.0:
            chosen.append(choice)
        elif reason is not None and policy is not None:
            raise ValueError(
                f"prune_without_training: layer '{choice.layer.name}' cannot be rebuilt: {reason}; "
                "leave it out of layers."
            )
    if not chosen:
        raise ValueError(
            f"prune_without_training: model '{model.name}' has no layer to prune whose outputs can "
            "be rebuilt."
        )
    return chosen


def _blocks(choice: Choice) -> Blocks:
    pattern, sparsity = choice.settings.pattern, choice.settings.schedule(0)[1]
    shape = LaneLayer(choice.layer).shape
    wanted = round((1.0 - sparsity) * shape[0] * shape[1] / pattern.block_weights)
    most = max_num_blocks(shape, pattern.block_size, pattern.lanes)
    method = pattern.resolve_method(choice.settings.method)
    count = min(wanted, most)
    return Blocks(pattern.block_size, count, method, pattern.lanes, pattern.max_per_start)


def _outputs(model: keras.Model, samples: Samples) -> Iterator[list[Any]]:
    """Of each batch, all outputs."""
    for batch in samples:
        outputs = keras.tree.flatten(model(given(model, batch), training=False))
        yield [np.asarray(each) for each in outputs]
