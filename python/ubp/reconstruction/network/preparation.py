# SPDX-License-Identifier: Apache-2.0
"""What is there before any layer is measured or rebuilt: a copy, the plan, the samples."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import keras
import numpy as np

from ubp.data import Input, Samples
from ubp.pruning.cloning.copying import copy_layer, copy_model, set_weights
from ubp.pruning.layers.walking import has_graph
from ubp.reconstruction.network.first_layers import suspicion_of
from ubp.reconstruction.network.graph import Graph, graph_of
from ubp.reconstruction.network.plan import Task, plan
from ubp.reconstruction.network.sampling import Sampling
from ubp.reconstruction.network.spool import Spool

LEAST_PICTURES = 4  # of a batch
_MOST_PICTURES = 64
_MOST_SAMPLES = 65_536  # of a layer
_BATCH_BYTES = 2**26  # of the largest tensor of a batch; memory holds some of these

_logger = logging.getLogger(__name__)


class Prepared(NamedTuple):
    """What layers are measured and rebuilt with.

    copy: of the model.
    graph: of both.
    tasks: of the plan.
    inputs: of the model, for each of its inputs all batches.
    sampling: of what is added up.
    """

    copy: keras.Model
    graph: Graph
    tasks: Sequence[Task]
    inputs: Sequence[Spool]
    sampling: Sampling


@contextmanager
def prepared(
    model: keras.Model,
    samples: Samples,
    pruned: Sequence[keras.layers.Layer],
    refit: bool,
    seed: int,
) -> Iterator[Prepared]:
    """Get ready for some layers; what is kept of samples goes afterwards.

    Args:
        model: as `ubp.prune_without_training` takes it.
        samples: of its inputs.
        pruned: layers of it that are to have blocks.
        refit: whether dense neighbours are re-fitted.
        seed: of all draws.

    Raises:
        ValueError: as of `plan` and `graph_of`.
    """
    suspicion = suspicion_of(
        model, samples, lambda batch: model(given(model, batch), training=False)
    )
    if suspicion is not None:
        _logger.warning("%s", suspicion)
    copy, copies = _copy(model)
    example = [array[:1] for array in next(iter(samples))]
    graph = graph_of(model, copy, example)
    found = plan(graph, example, copies, [id(layer) for layer in pruned], refit)
    with _spooled(samples.batched(_pictures(found.largest))) as inputs:
        sampling = Sampling(_MOST_SAMPLES, len(inputs[0]), seed)
        yield Prepared(copy, graph, found.tasks, inputs, sampling)


def check_backend() -> None:
    """Refuse other backends of Keras than TensorFlow.

    Raises:
        ValueError: saying what to do.
    """
    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise ValueError(
            f"prune_without_training: Keras is on {backend}, and layers are rebuilt on TensorFlow "
            "alone; save the model with model.save(), and load it and call this in a process with "
            "KERAS_BACKEND=tensorflow."
        )


def inputs_of(model: keras.Model) -> list[Input]:
    """What a model takes.

    Raises:
        ValueError: if that is not known.
    """
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


def given(model: keras.Model, batch: Sequence[Any]) -> Any:
    """The arrays as the model takes them."""
    if len(batch) == 1:
        return batch[0]
    if isinstance(model, keras.Sequential) or not has_graph(model):
        return list(batch)
    return keras.tree.pack_sequence_as(model.input, list(batch))


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


def _pictures(largest: int) -> int:
    """Of a batch: few of large tensors."""
    return min(max(_BATCH_BYTES // largest, LEAST_PICTURES), _MOST_PICTURES)


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
