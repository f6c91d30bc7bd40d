# SPDX-License-Identifier: Apache-2.0
"""`permute_channels`: the same function with its channels in an order that suits blocks."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import numpy as np
import numpy.typing as npt

from ubp.arguments import check_number, check_whole
from ubp.masking.patterns import UnalignedBlock
from ubp.masking.pruning_settings import PruningSettings
from ubp.masking.schedules import ConstantSparsity
from ubp.pruning.channels.comparison import (
    Comparison,
    check_model,
    check_outputs,
    random_inputs,
)
from ubp.pruning.channels.flow import ChannelFlow, channel_index
from ubp.pruning.channels.follow import follow_channels
from ubp.pruning.channels.report import PermutationReport
from ubp.pruning.channels.search import Search
from ubp.pruning.cloning.copying import copy_layer, copy_model, set_weights
from ubp.pruning.layers.choice import Policy, choose_layers
from ubp.pruning.layers.walking import check_fit
from ubp.selection.order.channel_order import DEFAULT_ROUNDS, check_search

_CALLER = "permute_channels"


class Permuted(NamedTuple):
    """What `permute_channels` returns.

    Attributes:
        model: a copy of the model, its channels permuted.
        report: what became of each group of channels.
    """

    model: keras.Model
    report: PermutationReport


def permute_channels(
    model: keras.Model,
    block_size: int = 4,
    sparsity: float = 0.8,
    method: str = "hill_climb",
    layers: Policy = None,
    *,
    block_lanes: int = 1,
    rounds: int = DEFAULT_ROUNDS,
    seed: int = 0,
    check_inputs: Any = None,
    progress: bool = True,
) -> Permuted:
    """A copy of a model that computes the same, with channels that matter together side by side.

    Unaligned blocks of the copy keep more importance at the same sparsity; call this before
    `ubp.prune`, on a trained model. Layers whose outputs meet, such as in a residual sum, form a
    group and share one order, which is chosen for the sum of what they keep, by absolute weight.
    Where blocks have several lanes, that order also decides which input channels of the layers
    behind share a block, and what these keep counts as well.
    Channels of inputs and outputs stay in their order, and so do channels that enter or leave
    anything whose treatment of channels is not known; the report says why.

    Before it returns, every layer of the copy and the whole copy are run against the original.

        >>> import keras
        >>> import ubp
        >>> layers = [keras.layers.Conv2D(16, 3, name="a"), keras.layers.Conv2D(4, 3, name="b")]
        >>> model = keras.Sequential([keras.Input((9, 9, 3)), *layers])
        >>> permuted, report = ubp.permute_channels(model, 4, layers="a", progress=False)
        >>> permuted.get_layer("a").kernel.shape == model.get_layer("a").kernel.shape
        True

    Args:
        model: a built functional or Sequential model of Keras 3; may contain such models. It stays
            as it is.
        block_size: N, the output channels of a block.
        sparsity: at which importance is counted, for each layer by itself; above 0, below 1.
        method: "chain" (fast) or "hill_climb" (better; 1 to 2 s for a layer of 512 x 512, and 2 to
            4 s for one that reads the channels in blocks of several lanes); see
            `ubp.selection.order.channel_order`.
        layers: the layers that are going to be pruned, as `ubp.prune` takes them; only these are
            counted.
        block_lanes: M, the lanes of a block: the attribute `lanes` of the pattern.
        rounds: of the hill climb.
        seed: of the hill climb and of the random inputs.
        check_inputs: what the models are run on, as `model` takes it; by default random numbers,
            one sample, 64 where the model leaves a size open.
        progress: show a progress bar on standard error, if that is a terminal.

    Returns:
        The copy, and a report of what became of each group of channels, whose `print()` shows a
        table.

    Raises:
        TypeError: if the model or `layers` is of the wrong kind.
        ValueError: if the model is not built, is already pruned, computes in less than float32,
            calls a layer in training mode, or calls a model in it in another form than it was made
            for; if `method` is unknown, or a number out of range; if a layer that is named is
            unknown or cannot be pruned, or nothing is left to prune.
        RuntimeError: if the copy does not compute the same.
    """
    check_model(model, _CALLER)
    check_search(method, rounds, seed)
    check_whole("block_size", block_size, 1)
    check_whole("block_lanes", block_lanes, 1)
    check_number("sparsity", sparsity, "a number above 0, below 1", lambda share: 0.0 < share < 1.0)
    inputs = random_inputs(model, seed) if check_inputs is None else check_inputs
    check_fit(model, inputs, "check_inputs")
    pattern = UnalignedBlock(block_size, block_lanes)
    settings = PruningSettings(ConstantSparsity(sparsity), pattern)
    counted = [choice.layer for choice in choose_layers(model, settings, layers)]
    flow = follow_channels(model, _CALLER)
    search = Search(block_size, block_lanes, sparsity, method, rounds, seed)
    reports = search.run(flow, counted, progress)
    pairs = zip(flow.groups(), reports, strict=True)
    orders = {id(group): report.order for group, report in pairs if report.permuted}
    permuted, copies = _copy(model)
    _permute_weights(flow, copies, orders)
    outputs = Comparison(flow, copies, orders).check_layers(model, inputs)
    difference = check_outputs(outputs, permuted, inputs, _CALLER)
    return Permuted(permuted, PermutationReport(tuple(reports), difference))


def _copy(model: keras.Model) -> tuple[keras.Model, dict[int, keras.Operation]]:
    """A copy with the same weights, and the copy of each operation by the original's id."""
    copied: list[tuple[keras.Operation, keras.Operation]] = []

    def replace(operation: keras.Operation) -> keras.Operation:
        copied.append((operation, copy_layer(operation)))
        return copied[-1][1]

    copy = copy_model(model, replace, enter_containers=False)
    for original, new in copied:
        if isinstance(original, keras.Layer):
            set_weights(new, original.get_weights())
    return copy, {id(original): new for original, new in copied}


def _permute_weights(
    flow: ChannelFlow,
    copies: dict[int, keras.Operation],
    orders: dict[int, npt.NDArray[np.int64]],
) -> None:
    for axis in flow.axes:
        index = channel_index(axis.channels, orders)
        if index is not None:
            weight = copies[id(axis.layer)].weights[axis.weight]
            weight.assign(np.take(weight.numpy(), index, axis=axis.axis))
