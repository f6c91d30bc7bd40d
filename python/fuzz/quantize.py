# SPDX-License-Identifier: Apache-2.0
"""The int8 form of a float model, as quantisation after training makes it; for tests.

    model = quantize(model, [[image] for image in images])

Activations are int8 with the range that the interpreter finds for them in samples, weights int8 and
symmetric with a scale for each output channel, so that every zero stays one, biases int32. A Style
makes tensors differ from that: other zero points, ranges that are too small or too large, QUANTIZE
between int8 tensors, float32 at the edges and in between.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from fuzz.assignment import CONVENTIONAL, Assignment, Style
from fuzz.quantization import LOWEST, Quantization, quantized, quantized_weights
from fuzz.session import Array, Session
from ubp.tflite import flatbuffer

OP = schema.BuiltinOperator
_MOST_BIAS = 2**30

# The axis of the weights that has the output channels.
_WEIGHTED = {
    OP.CONV_2D: 0,
    OP.DEPTHWISE_CONV_2D: 3,
    OP.FULLY_CONNECTED: 0,
    OP.TRANSPOSE_CONV: 0,
}
# What they read has the quantization of what they give.
_SAME = {
    *(OP.MAX_POOL_2D, OP.AVERAGE_POOL_2D, OP.PAD, OP.PADV2, OP.CONCATENATION, OP.RESHAPE),
    *(OP.TRANSPOSE, OP.RESIZE_BILINEAR, OP.RESIZE_NEAREST_NEIGHBOR),
    *(OP.DEPTH_TO_SPACE, OP.SPACE_TO_DEPTH),
}
# Those that may have any on both sides.
_FREE = {
    *(OP.ADD, OP.SUB, OP.MUL, OP.MEAN, OP.RELU, OP.RELU6, OP.RELU_N1_TO_1, OP.LEAKY_RELU),
    *(OP.HARD_SWISH, OP.ELU, OP.GELU, OP.ABS, OP.NEG, OP.PRELU, OP.EXP, OP.LOG),
}
_ON_INTS = {OP.SHAPE, OP.STRIDED_SLICE, OP.PACK}
# What float32 computes without rounding.
_EXACT = {
    *(OP.ABS, OP.NEG, OP.RELU, OP.RELU6, OP.RELU_N1_TO_1, OP.MAX_POOL_2D, OP.PAD, OP.PADV2),
    *(OP.RESHAPE, OP.TRANSPOSE, OP.DEPTH_TO_SPACE, OP.SPACE_TO_DEPTH),
}
# What writes tensors of one quantization only.
_FIXED = {
    OP.LOGISTIC: Quantization(1 / 256, -128),
    OP.SOFTMAX: Quantization(1 / 256, -128),
    OP.TANH: Quantization(1 / 128, 0),
}


class UnquantizableError(ValueError):
    """A model that has no int8 form."""


def quantize(
    model: bytes,
    samples: Sequence[Sequence[Array]],
    style: Style = CONVENTIONAL,
    rng: np.random.Generator | None = None,
) -> bytes:
    """The model with int8 tensors.

    Args:
        model: a .tflite file of one subgraph, of float32.
        samples: inputs of the model, float32, as its file has their shapes; at least one.
        style: what is unusual in it.
        rng: decides where that is.

    Raises:
        UnquantizableError: if an operator has no int8 form, or the interpreter refuses the model.
    """
    tree = flatbuffer.parse(model, "the model")
    values = _values(model, samples)
    quantizer = _Quantizer(tree, values, style, rng or np.random.default_rng(0))
    quantizer.rewrite()
    return flatbuffer.serialize(tree)


def _values(model: bytes, samples: Sequence[Sequence[Array]]) -> list[dict[int, Array]]:
    """What the float32 tensors hold for each sample."""
    session = Session(model)
    error = session.resize([])
    found = []
    for sample in samples:
        outputs = error or session.infer(sample)
        if isinstance(outputs, str):
            raise UnquantizableError(f"the interpreter refuses the model: {outputs}")
        found.append(session.values())
    return found


class _Quantizer:
    """Rewrites a tree in place; `values` are of its tensors, of each sample."""

    def __init__(
        self,
        tree: schema.ModelT,
        values: list[dict[int, Array]],
        style: Style,
        rng: np.random.Generator,
    ) -> None:
        self._tree, self._graph = tree, tree.subgraphs[0]
        self._values, self._style, self._rng = values, style, rng
        self._assignment = Assignment(style, rng)
        self._nodes: list[schema.OperatorT] = []
        self._constants = self._known_constants()

    def rewrite(self) -> None:
        nodes = [node for node in self._graph.operators if node.outputs[0] not in self._constants]
        for node in nodes:
            node.inputs = flatbuffer.indices(node.inputs)
            self._unite(node)
        self._assignment.choose(self._values)
        edges = self._happens(self._style.float_edges)
        self._graph.inputs = [self._input(int(i), edges) for i in self._graph.inputs]
        for node in nodes:
            self._add(node)
        self._graph.outputs = [self._output(int(i), edges) for i in self._graph.outputs]
        self._graph.operators = self._nodes

    # ---- what is known ----------------------------------------------------------------------

    def _code(self, node: schema.OperatorT) -> int:
        code: int = self._tree.operatorCodes[node.opcodeIndex].builtinCode
        return code

    def _known_constants(self) -> set[int]:
        """Those of a buffer, and those that a DEQUANTIZE widens."""
        known = {
            i
            for i, tensor in enumerate(self._graph.tensors)
            if self._tree.buffers[tensor.buffer].data is not None
            and len(self._tree.buffers[tensor.buffer].data)
        }
        for node in self._graph.operators:
            if self._code(node) == OP.DEQUANTIZE and node.inputs[0] in known:
                known.add(int(node.outputs[0]))
        return known

    def _unite(self, node: schema.OperatorT) -> None:
        """Let what a node reads share its output's quantization, where it has to."""
        code, output = self._code(node), int(node.outputs[0])
        if code in _FIXED:
            self._assignment.fix(output, _FIXED[code])
        for tensor in node.inputs if code in _SAME else ():
            is_separate = code == OP.CONCATENATION and self._happens(self._style.requantized)
            if self._is_number(tensor) and not is_separate:
                self._assignment.unite(output, tensor)

    def _happens(self, probability: float) -> bool:
        return self._assignment.happens(probability)

    def _of(self, tensor: int) -> Quantization:
        return self._assignment.of(tensor)

    def _is_number(self, tensor: int) -> bool:
        """Whether it is int8 or becomes it: neither a constant nor a shape."""
        kind = self._graph.tensors[tensor].type
        return tensor not in self._constants and kind != schema.TensorType.INT32

    # ---- tensors ----------------------------------------------------------------------------

    def _make_int8(self, tensor: schema.TensorT, quantization: Quantization) -> None:
        tensor.type = schema.TensorType.INT8
        tensor.quantization = _parameters([quantization.scale], [quantization.zero_point], 0)

    def _tensor_like(self, tensor: int, name: str, quantization: Quantization | None) -> int:
        """A tensor of the same shape; of float32 without a quantization."""
        made = copy.copy(self._graph.tensors[tensor])
        made.name = f"{flatbuffer.text(made.name)}_{name}_{len(self._graph.tensors)}"
        made.type, made.quantization = schema.TensorType.FLOAT32, None
        if quantization is not None:
            self._make_int8(made, quantization)
        self._graph.tensors.append(made)
        return len(self._graph.tensors) - 1

    def _constant(
        self,
        tensor: int,
        array: Array,
        scales: Sequence[float],
        zero_points: Sequence[int] | None = None,
        axis: int = 0,
    ) -> int:
        """The constant as another array, with its own buffer: each reader has its own."""
        made = copy.copy(self._graph.tensors[tensor])
        made.name = f"{flatbuffer.text(made.name)}_{len(self._graph.tensors)}"
        self._tree.buffers.append(schema.BufferT(data=np.frombuffer(array.tobytes(), np.uint8)))
        made.buffer = len(self._tree.buffers) - 1
        made.type = schema.TensorType.INT8 if array.dtype == np.int8 else schema.TensorType.INT32
        made.quantization = _parameters(scales, zero_points or [0] * len(scales), axis)
        self._graph.tensors.append(made)
        return len(self._graph.tensors) - 1

    def _convert(self, code: int, read: int, written: int) -> int:
        """A QUANTIZE or DEQUANTIZE from one tensor to another."""
        self._nodes.append(
            schema.OperatorT(
                opcodeIndex=flatbuffer.builtin_code(self._tree, code),
                inputs=[read],
                outputs=[written],
            )
        )
        return written

    def _input(self, tensor: int, is_float: bool) -> int:
        self._make_int8(self._graph.tensors[tensor], self._of(tensor))
        if not is_float:
            return tensor
        given = self._tensor_like(tensor, "float", None)
        self._convert(OP.QUANTIZE, given, tensor)
        return given

    def _output(self, tensor: int, is_float: bool) -> int:
        if not is_float:
            return tensor
        return self._convert(OP.DEQUANTIZE, tensor, self._tensor_like(tensor, "float", None))

    # ---- nodes ------------------------------------------------------------------------------

    def _add(self, node: schema.OperatorT) -> None:
        code, output = self._code(node), int(node.outputs[0])
        if code in _ON_INTS:
            self._nodes.append(node)
            return
        if code in _EXACT and self._happens(self._style.float_inside):
            self._add_float(node)
            return
        if code not in _WEIGHTED.keys() | _SAME | _FREE | _FIXED.keys():
            name = flatbuffer.operator_name(self._tree, node)
            raise UnquantizableError(f"{name} has no int8 form.")
        self._make_int8(self._graph.tensors[output], self._of(output))
        if code in _WEIGHTED:
            data = 2 if code == OP.TRANSPOSE_CONV else 0
            node.inputs[data] = self._read(int(node.inputs[data]), None)
            self._quantize_weights(node, data, _WEIGHTED[code])
        else:
            target = self._of(output) if code in _SAME else None
            node.inputs = [self._read_any(int(tensor), target) for tensor in node.inputs]
        self._nodes.append(node)

    def _add_float(self, node: schema.OperatorT) -> None:
        """The node as it is, between a DEQUANTIZE of what it reads and a QUANTIZE."""
        output = int(node.outputs[0])
        node.inputs = [
            self._convert(OP.DEQUANTIZE, t, self._tensor_like(t, "float", None))
            if self._is_number(t := int(tensor))
            else tensor
            for tensor in node.inputs
        ]
        node.outputs = [self._tensor_like(output, "float", None)]
        self._nodes.append(node)
        self._make_int8(self._graph.tensors[output], self._of(output))
        self._convert(OP.QUANTIZE, int(node.outputs[0]), output)

    def _read(self, tensor: int, target: Quantization | None) -> int:
        """A tensor, or what a QUANTIZE makes of it: as the target has it, or at times."""
        if target is not None:
            if target == self._of(tensor):
                return tensor
        elif self._happens(self._style.requantized):
            range_ = 127 * self._of(tensor).scale
            target = self._assignment.draw(-range_, range_)
        else:
            return tensor
        return self._convert(OP.QUANTIZE, tensor, self._tensor_like(tensor, "again", target))

    def _read_any(self, tensor: int, target: Quantization | None) -> int:
        """Likewise of an operand that may be a constant, or no number at all."""
        if tensor < 0 or self._graph.tensors[tensor].type == schema.TensorType.INT32:
            return tensor
        if tensor not in self._constants:
            return self._read(tensor, target)
        array = self._values[0][tensor]
        quantization = target or self._assignment.draw(float(array.min()), float(array.max()))
        return self._constant(
            tensor,
            quantized(array, quantization),
            [quantization.scale],
            [quantization.zero_point],
        )

    def _quantize_weights(self, node: schema.OperatorT, data: int, axis: int) -> None:
        """Weights and bias of a layer, input number `data` of which is what they are applied to."""
        tensor = int(node.inputs[1])
        weights = self._values[0][tensor]
        per_channel = None if self._happens(self._style.per_tensor) else axis
        values, scales = quantized_weights(weights, per_channel, self._assignment.is_binary)
        if self._happens(self._style.full):
            values.reshape(-1)[self._rng.integers(values.size)] = LOWEST
        node.inputs[1] = self._constant(tensor, values, scales.tolist(), None, axis)
        place = 3 if data == 2 else 2
        if len(node.inputs) <= place or node.inputs[place] < 0:
            return
        # The interpreter refuses an int8 convolution without a bias, or ends.
        if self._code(node) == OP.FULLY_CONNECTED and self._happens(self._style.unbiased):
            node.inputs = node.inputs[:place]
            return
        bias = int(node.inputs[place])
        read = self._graph.tensors[int(node.inputs[data])].quantization.scale[0]
        scales = np.float32(read) * scales
        steps = np.rint(self._values[0][bias].astype(np.float64) / scales)
        array = np.clip(steps, -_MOST_BIAS, _MOST_BIAS).astype(np.int32)
        node.inputs[place] = self._constant(bias, array, scales.tolist())


def _parameters(scales: Sequence[float], zero_points: Sequence[int], axis: int) -> Any:
    return schema.QuantizationParametersT(
        scale=list(scales), zeroPoint=list(zero_points), quantizedDimension=axis
    )
