# SPDX-License-Identifier: Apache-2.0
"""`prune_without_training`: a model, some hundred samples without labels, seconds."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from ubp.arguments import check_number, check_whole
from ubp.data import Input, Preprocessing, Samples, read_samples
from ubp.data.checks import relative_errors
from ubp.masking.kernel_pattern import KernelPattern
from ubp.masking.patterns import Pattern
from ubp.masking.pruning_settings import DEFAULT_PATTERN, PruningSettings
from ubp.masking.schedules import ConstantSparsity
from ubp.masking.scopes import Scope, as_scope
from ubp.pruning.cloning.copying import copy_layer, copy_model, set_weights
from ubp.pruning.layers.choice import Choice, Policy, choose_layers
from ubp.pruning.layers.pruned_layer import pruned_layers
from ubp.pruning.layers.walking import check_copyable, has_graph
from ubp.reconstruction.network.calibration import shared_budgets
from ubp.reconstruction.network.first_layers import suspicion_of
from ubp.reconstruction.network.graph import graph_of
from ubp.reconstruction.network.lanes import LaneLayer, why_not_rebuilt
from ubp.reconstruction.network.plan import plan
from ubp.reconstruction.network.rebuilder import Rebuilder
from ubp.reconstruction.network.report import PrunedWithoutTraining, RebuildingReport
from ubp.reconstruction.network.sampling import Sampling
from ubp.reconstruction.network.spool import Spool
from ubp.reconstruction.problem import DAMPING
from ubp.reconstruction.projection import Blocks
from ubp.selection import max_num_blocks

_MOST_SAMPLES = 65_536  # of a layer
_BATCH_BYTES = 2**26  # of the largest tensor of a batch; memory holds some of these
_LEAST_PICTURES, _MOST_PICTURES = 4, 64  # of a batch

_logger = logging.getLogger(__name__)


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
    _check_backend()
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
        data, _inputs_of(model), limit=samples, preprocess=preprocess, size=size, seed=seed
    ).split(samples)
    suspicion = suspicion_of(
        model, calibration, lambda batch: model(_given(model, batch), training=False)
    )
    if suspicion is not None:
        _logger.warning("%s", suspicion)
    copy, copies = _copy(model)
    example = [array[:1] for array in next(iter(calibration))]
    graph = graph_of(model, copy, example)
    found = plan(graph, example, copies, [id(choice.layer) for choice in choices], refit)
    calibration = calibration.batched(_pictures(found.largest))
    blocks = {id(choice.layer): _blocks(choice) for choice in choices}
    with _spooled(calibration) as inputs:
        sampling = Sampling(_MOST_SAMPLES, len(inputs[0]), seed)
        blocks |= shared_budgets(graph, found.tasks, inputs, choices, damping, sampling, progress)
        rows = Rebuilder(graph, found.tasks, inputs, blocks, damping, sampling).run(progress)
    judging = judging.batched(_LEAST_PICTURES)  # a functional model keeps all tensors of a call
    errors = relative_errors(_outputs(model, judging), _outputs(copy, judging))
    report = RebuildingReport(
        tuple(rows), len(calibration), tuple(errors), len(judging), time.perf_counter() - begin
    )
    return PrunedWithoutTraining(copy, report)


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


def _pictures(largest: int) -> int:
    """Of a batch: few of large tensors."""
    return min(max(_BATCH_BYTES // largest, _LEAST_PICTURES), _MOST_PICTURES)


def _blocks(choice: Choice) -> Blocks:
    pattern, sparsity = choice.settings.pattern, choice.settings.schedule(0)[1]
    shape = LaneLayer(choice.layer).shape
    wanted = round((1.0 - sparsity) * shape[0] * shape[1] / pattern.block_weights)
    most = max_num_blocks(shape, pattern.block_size, pattern.lanes)
    method = pattern.resolve_method(choice.settings.method)
    count = min(wanted, most)
    return Blocks(pattern.block_size, count, method, pattern.lanes, pattern.max_per_start)


def _copy(model: keras.Model) -> tuple[keras.Model, dict[int, keras.layers.Layer]]:
    """A copy with the same weights, and the copy of each layer by the id of the original."""
    copied: list[tuple[keras.layers.Layer, keras.layers.Layer]] = []

    def replace(operation: keras.Operation) -> keras.Operation:
        copy = copy_layer(operation)
        if isinstance(operation, keras.layers.Layer):
            copied.append((operation, copy))
        return copy

    copy = copy_model(model, replace)
    for original, new in copied:
        set_weights(new, original.get_weights())
    return copy, {id(original): new for original, new in copied}


def _check_backend() -> None:
    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise ValueError(
            f"prune_without_training: Keras is on {backend}, and layers are rebuilt on TensorFlow "
            "alone; save the model with model.save(), and load it and call this in a process with "
            "KERAS_BACKEND=tensorflow."
        )


def _inputs_of(model: keras.Model) -> list[Input]:
    if has_graph(model):
        return [
            Input(tensor.name, tuple(tensor.shape[1:]), np.dtype(tensor.dtype))
            for tensor in model.inputs
        ]
    shapes = (model.get_build_config() or {}).get("input_shape")
    if shapes is None:
        raise ValueError(
            f"prune_without_training: what the subclassed model '{model.name}' takes is not known; "
            "expected one whose call() takes one tensor, or a list of them."
        )
    several = isinstance(shapes[0], list | tuple)
    shapes = list(shapes) if several else [shapes]
    return [Input(f"input_{index}", tuple(shape[1:])) for index, shape in enumerate(shapes)]


@contextmanager
def _spooled(samples: Samples) -> Iterator[list[Spool]]:
    """All batches of each input, which go afterwards."""
    spools = [Spool() for _ in samples.inputs]
    try:
        for batch in samples:
            for spool, array in zip(spools, batch, strict=True):
                spool.append(array)
        yield spools
    finally:
        for spool in spools:
            spool.close()


def _outputs(model: keras.Model, samples: Samples) -> Iterator[list[Any]]:
    """Of each batch, all outputs."""
    for batch in samples:
        outputs = keras.tree.flatten(model(_given(model, batch), training=False))
        yield [np.asarray(each) for each in outputs]


def _given(model: keras.Model, batch: Sequence[Any]) -> Any:
    """The arrays as the model takes them."""
    if len(batch) == 1:
        return batch[0]
    if isinstance(model, keras.Sequential) or not has_graph(model):
        return list(batch)
    return keras.tree.pack_sequence_as(model.input, list(batch))
