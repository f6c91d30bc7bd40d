"""Find: every layer with weights, as a matrix [lanes, channels], or the reason why it must stay.

This is the one place that knows which operators UbpConv2D and UbpFullyConnected can stand for.
Whether such a layer is worth it is decided later (decide.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from ubp.format import (
    OP_NAMES,
    Activation,
    Attributes,
    Conv2DAttributes,
    FullyConnectedAttributes,
    PackedLayer,
    ValueType,
    unpack,
)
from ubp.lanes import to_lanes
from ubp.tflite import flatbuffer
from ubp.tflite.constant_tensors import (
    NotConstantError,
    read_constant,
    shape_of,
    stored_tensor,
    type_name,
)

PACKED_SUFFIX = "/ubp_packed"  # a packed tensor is named after the weights that it stands for

# Operators with weights: the candidates, and others that are listed for the report's sake.
_CANDIDATES = ("CONV_2D", "FULLY_CONNECTED")
_NEVER_TAKEN = {
    "DEPTHWISE_CONV_2D": "depthwise convolutions are not supported",
    "TRANSPOSE_CONV": "transposed convolutions are not supported",
    "CONV_3D": "3-D convolutions are not supported",
}


@dataclass(frozen=True)
class Candidate:
    """What converting a layer needs.

    attributes: the op's geometry and activation, with block size 1.
    weights: float32 [lanes, channels], a view of the file where the layout allows.
    bias: float32 [channels], or None.
    in_pixels, out_pixels: activations per channel that one inference reads and writes (batch *
        height * width, or rows of a fully-connected layer); sizes that are not known count as 1.
    stored_as: F16 where the file has the weights as float16, which holds them exactly; else F32.
    """

    attributes: Attributes
    weights: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32] | None
    in_pixels: int
    out_pixels: int
    stored_as: ValueType = ValueType.F32


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
    obstacle: str = ""


class _UnsupportedError(Exception):
    """Raised while a candidate is examined: the sentence says why it stays an ordinary operator."""


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
            if op in _CANDIDATES or op in _NEVER_TAKEN or op in OP_NAMES:
                view = _OperatorView(model, index, operator, op, producers, shapes or {})
                layers.append(_examine(view, position))
    return layers


def is_converted(model: schema.ModelT) -> bool:
    """Whether the model has operators of ours, so that it needs the delegate to run."""
    return any(flatbuffer.code_name(code) in OP_NAMES for code in model.operatorCodes or [])


@dataclass(frozen=True)
class _OperatorView:
    """One operator and the parts of the model that its layer consists of."""

    model: schema.ModelT
    index: int  # of the subgraph
    operator: schema.OperatorT
    op: str
    producers: dict[int, schema.OperatorT]
    shapes: Mapping[tuple[int, int], tuple[int, ...]]

    @property
    def subgraph(self) -> schema.SubGraphT:
        return self.model.subgraphs[self.index]

    def tensor(self, position: int) -> schema.TensorT | None:
        """The operator's input at `position`, or None where it is left out."""
        inputs = flatbuffer.indices(self.operator.inputs)
        if position >= len(inputs) or inputs[position] == -1:
            return None
        return self.subgraph.tensors[inputs[position]]

    def buffer(self, position: int) -> int:
        """Where the file has the operator's input at `position`, decoded or not."""
        index = flatbuffer.indices(self.operator.inputs)[position]
        source = stored_tensor(self.model, self.producers, index)
        buffer: int = self.subgraph.tensors[source].buffer
        return buffer

    def pixels(self, tensor: int) -> int:
        """How many values per channel a tensor of the subgraph has."""
        shape = self.shapes.get((self.index, tensor), shape_of(self.subgraph.tensors[tensor]))
        return int(np.prod([max(size, 1) for size in shape[:-1]], dtype=np.int64))

    def constant(self, position: int, role: str) -> npt.NDArray[Any]:
        """The operator's constant input at `position`, float32 or float16, in its shape."""
        if self.tensor(position) is None:
            raise _UnsupportedError(f"it has no {role}")
        index = flatbuffer.indices(self.operator.inputs)[position]
        try:
            return read_constant(self.model, self.subgraph, self.producers, index)
        except NotConstantError as reason:
            raise _UnsupportedError(f"its {role} {reason}") from reason


def _examine(view: _OperatorView, operator: int) -> Layer:
    weights = view.tensor(1)
    layer = Layer(view.index, operator, view.op, f"{view.op} {operator}", (), 0)
    if weights is not None:
        buffer = view.buffer(1)
        data = view.model.buffers[buffer].data
        layer = replace(
            layer,
            name=flatbuffer.text(weights.name).removesuffix(PACKED_SUFFIX) or layer.name,
            shape=shape_of(weights),
            stored_bytes=0 if data is None else len(data),
            buffer=buffer,
        )
    if view.op in OP_NAMES:
        packed = _read_packed(view)
        return replace(layer, packed=packed, shape=_dense_shape(packed.attributes))
    if view.op in _NEVER_TAKEN:
        return replace(layer, obstacle=_NEVER_TAKEN[view.op])
    try:
        return replace(layer, candidate=_candidate(view))
    except _UnsupportedError as reason:
        return replace(layer, obstacle=str(reason))


def _dense_shape(attributes: Attributes) -> tuple[int, ...]:
    """The shape that a converted layer's weights had."""
    window: tuple[int, ...] = ()
    if isinstance(attributes, Conv2DAttributes):
        window = (attributes.kernel_h, attributes.kernel_w)
    return (attributes.out_channels, *window, attributes.in_channels)


def _read_packed(view: _OperatorView) -> PackedLayer:
    packed, bias = view.tensor(1), view.tensor(2)
    data = None if packed is None else view.model.buffers[packed.buffer].data
    if data is None or view.operator.customOptions is None:
        raise ValueError(
            f"{view.op}: has no packed weights or no custom_options; the file is damaged."
        )
    bias_values = None
    if bias is not None:
        try:
            bias_values = view.constant(2, "bias").reshape(-1)
        except _UnsupportedError as reason:
            raise ValueError(f"{view.op}: {reason}; the file is damaged.") from reason
    return unpack(view.op, bytes(view.operator.customOptions), bytes(data), bias_values)


def _candidate(view: _OperatorView) -> Candidate:
    weights = view.constant(1, "weights")
    activation, output = view.tensor(0), _only_output(view)
    for tensor, role in ((activation, "input"), (output, "output")):
        if tensor is None or tensor.type != schema.TensorType.FLOAT32:
            raise _UnsupportedError(f"its {role} is {type_name(tensor)}, not FLOAT32")
    rank = 4 if view.op == "CONV_2D" else 2
    if weights.ndim != rank:
        raise _UnsupportedError(f"its weights have {weights.ndim} dimensions, not {rank}")
    in_channels = (shape_of(activation) or (0,))[-1]
    if in_channels != weights.shape[-1]:
        raise _UnsupportedError(
            f"its weights read {weights.shape[-1]} channels, its input has {in_channels} (grouped "
            "convolution, or input flattened by the operator)"
        )
    attributes = _attributes(view, weights.shape)
    try:
        attributes.check()
    except ValueError as error:
        raise _UnsupportedError(str(error)) from error
    bias = None
    if view.tensor(2) is not None:
        bias = view.constant(2, "bias").reshape(-1).astype(np.float32, copy=False)
        if bias.size != weights.shape[0]:
            raise _UnsupportedError(
                f"its bias has {bias.size} values for {weights.shape[0]} channels"
            )
    return Candidate(
        attributes,
        to_lanes(weights.astype(np.float32, copy=False), 0),
        bias,
        view.pixels(flatbuffer.indices(view.operator.inputs)[0]),
        view.pixels(flatbuffer.indices(view.operator.outputs)[0]),
        ValueType.F16 if weights.dtype == np.float16 else ValueType.F32,
    )


def _attributes(view: _OperatorView, shape: tuple[int, ...]) -> Attributes:
    options = view.operator.builtinOptions
    if options is None:
        raise _UnsupportedError("it has no options")
    function = options.fusedActivationFunction
    if function not in list(Activation):
        raise _UnsupportedError(
            f"its fused activation (number {function} of the schema) is not supported"
        )
    if view.op == "FULLY_CONNECTED":
        if options.weightsFormat != schema.FullyConnectedOptionsWeightsFormat.DEFAULT:
            raise _UnsupportedError("its weights are stored shuffled")
        return FullyConnectedAttributes(
            in_channels=shape[1],
            out_channels=shape[0],
            block_size=1,
            activation=function,
            keep_num_dims=int(options.keepNumDims),
        )
    return Conv2DAttributes(
        in_channels=shape[3],
        out_channels=shape[0],
        block_size=1,
        activation=function,
        kernel_h=shape[1],
        kernel_w=shape[2],
        stride_h=options.strideH,
        stride_w=options.strideW,
        dilation_h=options.dilationHFactor,
        dilation_w=options.dilationWFactor,
        padding=options.padding,
    )


def _only_output(view: _OperatorView) -> schema.TensorT | None:
    outputs = flatbuffer.indices(view.operator.outputs)
    return view.subgraph.tensors[outputs[0]] if len(outputs) == 1 else None
