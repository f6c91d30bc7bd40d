# SPDX-License-Identifier: Apache-2.0
"""Layers: what of a .tflite file is pruned, what is only re-fitted, and why the rest is left.

Operators that share their weights and their bias are one layer that is used several times.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from ubp.arguments import shown
from ubp.conversion.candidates import CANDIDATES, candidate_of
from ubp.conversion.operator_view import LayerInputs, OperatorView, UnsupportedError
from ubp.format import ValueType
from ubp.lanes import input_channels, to_lanes
from ubp.tflite import flatbuffer
from ubp.tflite.constant_tensors import DECODERS, shape_of
from ubp.tflite.part import feeding_operators, operators_between

DEPTHWISE = "DEPTHWISE_CONV_2D"
_WITH_WEIGHTS = (*CANDIDATES, DEPTHWISE, "CONV_3D")
_FIRST, _LAST = "it is the first convolution", "no other layer with weights comes behind it"
_CONVOLUTIONS = ("CONV_2D", "CONV_3D")  # of which the first stays dense by default


@dataclass(frozen=True)
class FileLayer:
    """A layer with weights, of one subgraph.

    name: the weights tensor's name.
    op: the operator's name in the schema.
    operators: where the layer is used: positions in the subgraph.
    shape: of the weights in the file.
    prune: whether weights are taken from it; else it is re-fitted, if it can be.
    reason: why it is not pruned; empty if it is.
    refit: whether it can be re-fitted.
    """

    name: str
    op: str
    operators: tuple[int, ...]
    shape: tuple[int, ...]
    prune: bool
    reason: str
    refit: bool

    @property
    def matrix_shape(self) -> tuple[int, int]:
        """Lanes and channels; of a depthwise convolution, taps and channels."""
        if self.op == DEPTHWISE:
            return self.shape[1] * self.shape[2], self.shape[3]
        return int(np.prod(self.shape[1:])), self.shape[0]


@dataclass(frozen=True)
class Graph:
    """One subgraph of a model whose layers are looked at."""

    model: schema.ModelT
    index: int
    shapes: Mapping[tuple[int, int], tuple[int, ...]]

    @property
    def subgraph(self) -> schema.SubGraphT:
        return self.model.subgraphs[self.index]

    def view(self, position: int) -> OperatorView:
        """One of its operators."""
        operator = self.subgraph.operators[position]
        op = flatbuffer.operator_name(self.model, operator)
        producers = flatbuffer.producers(self.subgraph)
        return OperatorView(self.model, self.index, operator, op, producers, self.shapes)

    def inputs(self, position: int) -> LayerInputs:
        """The tensors that an operator with weights reads."""
        return self.view(position).inputs

    def before(self, position: int) -> list[int]:
        """The operators that an operator's inputs follow from."""
        operator = self.subgraph.operators[position]
        known = flatbuffer.indices(self.subgraph.inputs)
        return operators_between(
            self.subgraph, known, set(flatbuffer.indices(operator.inputs)) - {-1}
        )

    def weights(self, layer: FileLayer) -> npt.NDArray[np.float32]:
        """Float32 [lanes, channels]; of a depthwise convolution [taps, channels]."""
        view = self.view(layer.operators[0])
        values = view.constant(view.inputs.weights, "weights").astype(np.float32)
        if layer.op == DEPTHWISE:
            return values.reshape(layer.matrix_shape)
        return to_lanes(values, 0)


def find_file_layers(graph: Graph) -> list[FileLayer]:
    """All layers with weights of a subgraph, in its order, as if all were pruned that can be."""
    found: dict[tuple[str, int, int], FileLayer] = {}
    layers: list[FileLayer] = []
    for position in range(len(flatbuffer.operators(graph.subgraph))):
        view = graph.view(position)
        if view.op not in _WITH_WEIGHTS:
            continue
        layer = _examine(view, position)
        key = (layer.op, view.inputs.weights, view.inputs.bias)
        if view.inputs.weights in flatbuffer.producers(graph.subgraph):
            key = (layer.op, -view.buffer(view.inputs.weights) - 2, view.inputs.bias)
        if layer.refit and key in found:
            earlier = found[key]
            joined = replace(earlier, operators=(*earlier.operators, position))
            layers[layers.index(earlier)] = found[key] = joined
            continue
        found[key] = layer
        layers.append(layer)
    return [_without_sharing(graph, layer) for layer in layers]


def _examine(view: OperatorView, position: int) -> FileLayer:
    weights = view.tensor(view.inputs.weights)
    name = "" if weights is None else flatbuffer.text(weights.name)
    shape = () if weights is None else shape_of(weights)
    layer = FileLayer(name or f"{view.op} {position}", view.op, (position,), shape, True, "", True)
    try:
        if view.op == DEPTHWISE:
            _check_depthwise(view)
            return replace(layer, prune=False, reason="a depthwise convolution has no blocks")
        if view.op not in CANDIDATES:
            raise UnsupportedError(f"{view.op} is not supported")
        if candidate_of(view).stored_as == ValueType.I8:
            raise UnsupportedError("its weights are INT8; prune the float model, then quantise it")
    except UnsupportedError as error:
        return replace(layer, prune=False, refit=False, reason=str(error))
    return layer


def _check_depthwise(view: OperatorView) -> None:
    """Refuse what cannot be re-fitted channel by channel."""
    weights = view.constant(view.inputs.weights, "weights")
    activation, options = view.tensor(view.inputs.activation), view.operator.builtinOptions
    if weights.ndim != 4 or options is None or activation is None:
        raise UnsupportedError("its weights do not have 4 dimensions")
    if weights.shape[0] != 1 or weights.shape[3] != shape_of(activation)[-1]:
        raise UnsupportedError("it makes several channels of each")
    if activation.type != schema.TensorType.FLOAT32:
        raise UnsupportedError("its input is not FLOAT32")


def _without_sharing(graph: Graph, layer: FileLayer) -> FileLayer:
    """The layer, left if something else in the model uses its weights."""
    if not layer.refit:
        return layer
    buffer = graph.view(layer.operators[0]).buffer(graph.inputs(layer.operators[0]).weights)
    users = users_of_buffer(graph.model, buffer)
    if users == {(graph.index, position) for position in layer.operators}:
        return layer
    reason = "something else in the model uses its weights, too"
    return replace(layer, prune=False, refit=False, reason=reason)


def users_of_buffer(model: schema.ModelT, buffer: int) -> set[tuple[int, int]]:
    """The operators that use the data of a buffer, decoded or not, as (subgraph, position)."""
    return {
        (index, position)
        for index, subgraph in enumerate(model.subgraphs)
        for position in _users(subgraph, _tensors_of(model, subgraph, buffer))
    }


def _tensors_of(model: schema.ModelT, subgraph: schema.SubGraphT, buffer: int) -> set[int]:
    """The tensors that have the data of a buffer, as it is or decoded."""
    found = {index for index, each in enumerate(subgraph.tensors or []) if each.buffer == buffer}
    for operator in flatbuffer.operators(subgraph):
        if flatbuffer.operator_name(model, operator) in DECODERS and not found.isdisjoint(
            flatbuffer.indices(operator.inputs)
        ):
            found.update(flatbuffer.indices(operator.outputs))
    return found


def _users(subgraph: schema.SubGraphT, tensors: set[int]) -> list[int]:
    """Positions of the operators that use tensors, other than to decode one into another."""
    return [
        position
        for position, operator in enumerate(flatbuffer.operators(subgraph))
        if not tensors.isdisjoint(flatbuffer.indices(operator.inputs))
        and tensors.isdisjoint(flatbuffer.indices(operator.outputs))
    ]


def choose_file_layers(
    graph: Graph,
    layers: Sequence[FileLayer],
    block: tuple[int, int],
    aligned: bool,
    names: Any,
) -> list[FileLayer]:
    """The layers, those that are not to be pruned with a reason.

    Args:
        graph: where they are.
        layers: of it, as `find_file_layers` gives them.
        block: its channels and lanes, (N, M).
        aligned: whether blocks start at multiples of N.
        names: None for all but the first convolution and the last layers with weights, those that
            no other comes behind; or names of layers, or patterns of names as in a shell.

    Raises:
        ValueError: if a name fits nothing that can be pruned, or nothing is left.
    """
    chosen = [_by_channels(layer, *block, aligned) for layer in layers]
    patterns = _patterns(names)
    if patterns is None:
        chosen = _by_default(graph, chosen)
    for pattern in patterns or ():
        matched = [layer for layer in chosen if _matches(layer, pattern)]
        if not any(layer.prune for layer in matched):
            able = ", ".join(layer.name for layer in chosen if layer.prune)
            why = f"; '{matched[0].name}' cannot be: {matched[0].reason}" if matched else ""
            raise ValueError(
                f"layers: {pattern!r} matches no layer that can be pruned{why}; those are "
                f"{able or 'none'}."
            )
    if patterns is not None:
        chosen = [
            layer
            if not layer.prune or any(_matches(layer, pattern) for pattern in patterns)
            else replace(layer, prune=False, reason="layers does not name it")
            for layer in chosen
        ]
    if not any(layer.prune for layer in chosen):
        reasons = dict.fromkeys(layer.reason for layer in chosen)
        raise ValueError(
            "the model has no layer to prune; expected convolutions or fully-connected layers with "
            "float weights, not counting the first convolution and the last layers with weights "
            f"(found: {'; '.join(reasons) or 'no weights at all'})."
        )
    return chosen


def _by_default(graph: Graph, layers: list[FileLayer]) -> list[FileLayer]:
    """All but the first convolution, and those with no other layer with weights behind them."""
    kept = {
        id(layer): _FIRST for layer in [each for each in layers if each.op in _CONVOLUTIONS][:1]
    }
    with_weights = {position for layer in layers for position in layer.operators}
    feeding = feeding_operators(graph.subgraph, with_weights)
    kept |= {id(layer): _LAST for layer in layers if feeding.isdisjoint(layer.operators)}
    return [
        replace(layer, prune=False, reason=kept[id(layer)])
        if layer.prune and id(layer) in kept
        else layer
        for layer in layers
    ]


def _by_channels(layer: FileLayer, block_size: int, block_lanes: int, aligned: bool) -> FileLayer:
    """The layer, not pruned if blocks do not suit its channels."""
    if not layer.prune:
        return layer
    channels, inputs = layer.matrix_shape[1], input_channels(layer.shape, 0)
    if channels < block_size:
        reason = f"it has {channels} output channels, fewer than a block of {block_size}"
    elif aligned and channels % block_size:
        reason = f"its {channels} output channels are no multiple of {block_size}"
    elif inputs % block_lanes:
        reason = f"its {inputs} input channels are no multiple of a block's {block_lanes} lanes"
    else:
        return layer
    return replace(layer, prune=False, reason=reason)


def _patterns(names: Any) -> list[str] | None:
    if names is None:
        return None
    given = [names] if isinstance(names, str) else names
    sound = isinstance(given, Sequence) and all(isinstance(each, str) for each in given)
    if not sound or not given:
        raise ValueError(
            f"layers is {shown(names)}; expected names of layers, or patterns of them."
        )
    return list(given)


def _matches(layer: FileLayer, pattern: str) -> bool:
    return layer.name == pattern or fnmatchcase(layer.name, pattern)
