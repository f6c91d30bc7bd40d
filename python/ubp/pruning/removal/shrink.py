# SPDX-License-Identifier: Apache-2.0
"""The copy of a model with fewer channels, and with the weights that are left."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from ubp.pruning.channels.flow import ChannelFlow, Channels, channel_index, sizes
from ubp.pruning.cloning.copying import copy_layer, copy_model, set_weights
from ubp.pruning.removal.mixing import calls_of, is_reshape

Orders = dict[int, npt.NDArray[np.int64]]  # by the id of a group's root, the channels it keeps


def shrink(
    model: keras.Model, flow: ChannelFlow, kept: Orders
) -> tuple[keras.Model, dict[int, keras.Operation]]:
    """The smaller copy, and the copy of each operation by the original's id.

    Args:
        model: stays as it is.
        flow: of its channels.
        kept: by the id of a group's root, the channels that it keeps, where these are not all.
    """
    changes = _changes(flow, kept)
    copied: list[tuple[keras.Operation, keras.Operation]] = []

    def replace(operation: keras.Operation) -> keras.Operation:
        copied.append((operation, copy_layer(operation, changes.get(id(operation)))))
        return copied[-1][1]

    def copy_graph(
        graph: keras.Model, copy: Callable[[keras.Operation], keras.Operation]
    ) -> keras.Model:
        return _copy_graph(graph, copy, flow, kept)

    smaller = copy_model(model, replace, enter_containers=False, copy_graph=copy_graph)
    weights = _weights(flow, kept)
    for original, new in copied:
        if isinstance(original, keras.Layer):
            set_weights(new, weights.get(id(original)) or original.get_weights())
    return smaller, {id(original): new for original, new in copied}


def _copy_graph(
    model: keras.Model,
    copy: Callable[[keras.Operation], keras.Operation],
    flow: ChannelFlow,
    kept: Orders,
) -> keras.Model:
    """One graph, of the copies of its layers; the inputs of a model in a model may be smaller."""
    inputs = []
    for tensor, given in zip(flow.traces[id(model)].inputs, model.inputs, strict=True):
        shape = list(given.shape)
        index = channel_index(flow.channels[id(tensor)], kept)
        if index is not None:
            shape[-1] = len(index)
        inputs.append(keras.Input(batch_shape=shape, dtype=given.dtype, name=given.name))
    if isinstance(model, keras.Sequential):
        return keras.Sequential([*inputs, *map(copy, model.layers)], name=model.name)
    graph = keras.Model(model.input, model.output, name=model.name)
    return keras.models.clone_model(
        graph,
        input_tensors=keras.tree.pack_sequence_as(model.input, inputs),
        clone_function=copy,
    )


def _changes(flow: ChannelFlow, kept: Orders) -> dict[int, dict[str, Any]]:
    """What the configuration of the copy has to say otherwise, by the operation's id."""
    changes: dict[int, dict[str, Any]] = {}
    for call in calls_of(flow):
        operation: Any = call.operation
        if is_reshape(operation):
            channels = flow.channels[id(call.outputs[0])]
            changes[id(operation)] = _reshaped(operation, _width(channels, kept), kept, channels)
        elif id(operation) in flow.layers:
            width = _width(flow.layers[id(operation)][1], kept)
            if getattr(operation, "groups", 1) > 1:  # a depthwise one
                changes[id(operation)] = {"groups": width, "filters": width}
            else:
                of_layer = [name for name in ("filters", "units") if hasattr(operation, name)]
                changes[id(operation)] = dict.fromkeys(of_layer, width)
    return changes


def _reshaped(operation: Any, width: int, kept: Orders, channels: Channels) -> dict[str, Any]:
    """A shape that ends with the channels there are, unless it leaves their number open."""
    if channel_index(channels, kept) is None:
        return {}
    name = "target_shape" if isinstance(operation, keras.layers.Reshape) else "newshape"
    shape = tuple(getattr(operation, name))
    return {name: (*shape[:-1], shape[-1] if shape[-1] == -1 else width)}


def _width(channels: Channels, kept: Orders) -> int:
    index = channel_index(channels, kept)
    return sum(sizes(channels)) if index is None else len(index)


def _weights(flow: ChannelFlow, kept: Orders) -> dict[int, list[npt.NDArray[Any]]]:
    """The weights that are left of each layer, by its id."""
    weights: dict[int, list[npt.NDArray[Any]]] = {}
    for axis in flow.axes:
        index = channel_index(axis.channels, kept)
        if index is None:
            continue
        of_layer = weights.setdefault(id(axis.layer), axis.layer.get_weights())
        of_layer[axis.weight] = np.take(of_layer[axis.weight], index, axis=axis.axis)
    return weights
