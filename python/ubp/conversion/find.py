# SPDX-License-Identifier: Apache-2.0
"""Find: every layer with weights, as a matrix [lanes, channels], or the reason why it must stay.

Whether such a layer is worth it is decided later (decide.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ai_edge_litert import schema_py_generated as schema

from ubp.conversion import transposed
from ubp.conversion.candidates import CANDIDATES, Candidate, candidate_of
from ubp.conversion.operator_view import OperatorView, UnsupportedError
from ubp.format import (
    OP_NAMES,
    QUAD,
    Conv2DAttributes,
    PackedLayer,
    TransposeConv2DAttributes,
    unpack,
)
from ubp.tflite import flatbuffer
from ubp.tflite.constant_tensors import shape_of, type_name

WEIGHT_TYPES = (schema.TensorType.FLOAT32, schema.TensorType.INT8)  # of emptied tensors
PACKED_SUFFIX = "/ubp_packed"  # a packed tensor is named after the weights that it stands for

# Operators with weights that are listed for the report's sake.
_NEVER_TAKEN = {
    "DEPTHWISE_CONV_2D": "depthwise convolutions are not supported",
    "CONV_3D": "3-D convolutions are not supported",
}


@dataclass(frozen=True)
class Layer:
    """An operator with weights. Exactly one of candidate, packed and obstacle is set.

    subgraph, operator: indices into the model.
    op: the operator's name in the schema, or the custom op's.
    name: the weights tensor's name, the same before and after conversion.
    shape: the weights' shape in the file's order: [channels, kernel_h, kernel_w, in_channels] or
        [channels, in_channels] for candidates.
    stored_bytes: size of the weights in the file.
    buffer: where the file has them, decoded or not; several layers may have the same. NO_BUFFER
        where it has none.
    candidate: set if one of our ops can stand for the operator.
    packed: set if it already is one of our ops.
    padding: of a convolution that already is one of our ops, as the schema counts.
    is_int8: whether its input and output are int8; set for layers with candidate or packed.
    obstacle: why it cannot be converted.
    """

    subgraph: int
    operator: int
    op: str
    name: str
    shape: tuple[int, ...]
    stored_bytes: int
    buffer: int = flatbuffer.NO_BUFFER
    candidate: Candidate | None = None
    packed: PackedLayer | None = None
    padding: int = 0
    is_int8: bool = False
    obstacle: str = ""

    @property
    def matrix_shape(self) -> tuple[int, int]:
        """Lanes and channels; for layers that have blocks."""
        if self.candidate is not None:
            lanes, channels = self.candidate.weights.shape
            return lanes, channels
        assert self.packed is not None
        return self.packed.attributes.lanes, self.packed.attributes.out_channels


def find_layers(
    model: schema.ModelT, shapes: Mapping[tuple[int, int], tuple[int, ...]] | None = None
) -> list[Layer]:
    """All operators with weights, in the order of the file.

    Args:
        model: the object tree.
        shapes: of tensors, by subgraph and index, where they differ from those of the file.

    Raises:
        ValueError: if a weights buffer does not have the size of its tensor, or an op that was
            converted before is damaged.
    """
    layers = []
    for index, subgraph in enumerate(model.subgraphs):
        producers = flatbuffer.producers(subgraph)
        for position, operator in enumerate(flatbuffer.operators(subgraph)):
            op = flatbuffer.operator_name(model, operator)
            if op in CANDIDATES or op in _NEVER_TAKEN or op in OP_NAMES:
                view = OperatorView(model, index, operator, op, producers, shapes or {})
                layers.append(_examine(view, position))
    return layers


def is_converted(model: schema.ModelT) -> bool:
    """Whether the model has operators of ours, so that it needs the delegate to run."""
    return any(flatbuffer.code_name(code) in OP_NAMES for code in model.operatorCodes or [])


def dense_tensor(
    subgraph: schema.SubGraphT,
    packed: int,
    shapes: list[tuple[int, ...]],
    types: tuple[int, ...] = WEIGHT_TYPES,
) -> int:
    """The tensor of weights that the conversion has emptied, found by its name.

    Args:
        subgraph: where it is.
        packed: the tensor that stands for it.
        shapes: that it may have.
        types: that it may have, the likelier first.

    Returns:
        The tensor's index; -1 where there is none.
    """
    name = flatbuffer.text(subgraph.tensors[packed].name).removesuffix(PACKED_SUFFIX)
    produced = flatbuffer.producers(subgraph)
    found = [
        (types.index(tensor.type), index)
        for index, tensor in enumerate(subgraph.tensors)
        if flatbuffer.text(tensor.name) == name
        and tensor.type in types
        and tensor.buffer == flatbuffer.NO_BUFFER
        and shape_of(tensor) in shapes
        and index not in produced
    ]
    return min(found)[1] if found else -1


def _examine(view: OperatorView, operator: int) -> Layer:
    index = view.inputs.weights
    weights = view.tensor(index)
    layer = Layer(view.index, operator, view.op, f"{view.op} {operator}", (), 0)
    if weights is not None:
        buffer = view.buffer(index)
        data = view.model.buffers[buffer].data
        layer = replace(
            layer,
            name=flatbuffer.text(weights.name).removesuffix(PACKED_SUFFIX) or layer.name,
            shape=shape_of(weights),
            stored_bytes=0 if data is None else len(data),
            buffer=buffer,
        )
    if view.op in OP_NAMES:
        is_int8 = _is_int8(view)
        packed = _read_packed(view, is_int8)
        shape, padding = _dense_form(view, packed)
        return replace(layer, packed=packed, shape=shape, padding=padding, is_int8=is_int8)
    if view.op in _NEVER_TAKEN:
        return replace(layer, obstacle=_NEVER_TAKEN[view.op])
    try:
        candidate = candidate_of(view)
        return replace(layer, candidate=candidate, is_int8=candidate.is_int8)
    except UnsupportedError as reason:
        return replace(layer, obstacle=str(reason))


def _dense_form(view: OperatorView, packed: PackedLayer) -> tuple[tuple[int, ...], int]:
    """The shape that a converted layer's weights had, and its padding."""
    attributes = packed.attributes
    channels, in_channels = attributes.out_channels, attributes.in_channels
    if isinstance(attributes, Conv2DAttributes):
        window = (attributes.kernel_h, attributes.kernel_w)
        return (channels, *window, in_channels), attributes.padding
    if not isinstance(attributes, TransposeConv2DAttributes):
        return (channels, in_channels), 0
    channels //= attributes.block_h * attributes.block_w
    activation = view.tensor(view.inputs.activation)
    sizes = shape_of(activation) if activation is not None else ()
    if len(sizes) != 4 or min(sizes) < 1:
        raise ValueError(
            f"{view.op}: its input has the shape {list(sizes)}, expected 4 sizes of at least 1."
        )
    forms: dict[tuple[int, ...], int] = {}
    for padding, kernel in transposed.kernels_of(packed, (sizes[1], sizes[2])):
        forms.setdefault((channels, *kernel, in_channels), padding)
    if not forms:
        raise ValueError(
            f"{view.op}: no transposed convolution has the padding and the sizes that it cuts off; "
            "the file was not written by ubp convert."
        )
    emptied = dense_tensor(view.subgraph, view.inputs.weights, [*forms])
    shape = shape_of(view.subgraph.tensors[emptied]) if emptied != -1 else next(iter(forms))
    return shape, forms[shape]


def _is_int8(view: OperatorView) -> bool:
    """Whether a converted layer computes in int8."""
    tensors = (view.tensor(view.inputs.activation), view.tensor(view.output))
    types = {None if tensor is None else tensor.type for tensor in tensors}
    if len(types) > 1 or not types <= {schema.TensorType.INT8, schema.TensorType.FLOAT32}:
        found = " and ".join(type_name(tensor) for tensor in tensors)
        raise ValueError(
            f"{view.op}: its input and output are {found}, expected both FLOAT32 or both INT8; the "
            "file is damaged."
        )
    return types == {schema.TensorType.INT8}


def _read_packed(view: OperatorView, is_int8: bool) -> PackedLayer:
    packed, bias = view.tensor(view.inputs.weights), view.inputs.bias
    data = None if packed is None else view.model.buffers[packed.buffer].data
    if data is None or view.operator.customOptions is None:
        raise ValueError(
            f"{view.op}: has no packed weights or no custom_options; the file is damaged."
        )
    values = None
    if view.tensor(bias) is not None:
        read = view.integers if is_int8 else view.constant
        try:
            values = read(bias, "bias").reshape(-1)
        except UnsupportedError as reason:
            raise ValueError(f"{view.op}: {reason}; the file is damaged.") from reason
    layer = unpack(view.op, bytes(view.operator.customOptions), bytes(data), values)
    if is_int8 and layer.attributes.block_lanes != QUAD:
        raise ValueError(
            f"{view.op}: its input is INT8, its weights are not int8 in blocks of {QUAD} lanes; "
            "the file is damaged."
        )
    return layer
