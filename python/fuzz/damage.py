# SPDX-License-Identifier: Apache-2.0
"""Models with something wrong in them, and what may come of them: an error or a result.

The interpreter checks that a file is a flatbuffer and little else, so bytes are changed in what
fields and buffers hold, and not in how the flatbuffer is put together.
"""

from __future__ import annotations

import copy
import os
import resource
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

import ubp
from fuzz.case import Case, Run
from fuzz.compare import Mark, Outcome
from fuzz.generate import generate
from fuzz.generate_int8 import generate_int8
from fuzz.session import Session
from ubp.tflite import flatbuffer

_INTEGERS = (-(2**31), -65536, -4, -1, 0, 1, 2, 3, 5, 7, 16, 255, 4096, 65536, 2**30, 2**31 - 1)
_FLOATS = (float("nan"), float("inf"), -float("inf"), 0.0, -1.0, 3e38)
_MEMORY = 3 << 30  # bytes of address space: sizes that are nonsense must not stop the machine


def damaged(seed: int, index: int) -> Case:
    """A model of the generators, at times converted, with one or two changes."""
    rng = np.random.default_rng([seed, index, 1])
    case = (generate_int8 if rng.random() < 0.3 else generate)(seed, index)
    model = case.model
    if rng.random() < 0.5:
        weights = _choice(rng, ["f32", "f16", "bf16", "i8"])
        model = ubp.convert(model, min_speedup=0, weights=weights).model
    tree = flatbuffer.parse(model, "the model")
    for _ in range(rng.integers(1, 3)):
        before = copy.deepcopy(tree)
        _choice(rng, _CHANGES)(rng, tree)
        try:
            model = flatbuffer.serialize(copy.deepcopy(tree))
        except (OverflowError, TypeError, ValueError):  # what the schema itself cannot hold
            tree = before
    runs = [Run([None] * len(tree.subgraphs[0].inputs), "normal", 0)]
    return Case(model, runs, case.options)


def check_file(case: Case, mark: Mark) -> Outcome:
    """Load and run the model in both interpreters; any outcome is right that leaves the process."""
    _limit_memory()
    mark(phase="plain")
    _attempt(replace(case, model=_without_ours(case.model)), None)
    mark(phase="delegate")
    errors = [_attempt(case, case.options | {"num_threads": str(threads)}) for threads in (1, 3)]
    return Outcome(runs=len(errors), errors=sum(errors))


def _without_ours(model: bytes) -> bytes:
    """The model without custom operators, what they give being inputs: some of the rest may end the
    interpreter, which alone does not come so far in the model itself."""
    try:
        tree = flatbuffer.parse(model, "the model")
        graph = tree.subgraphs[0]
        ours = [
            n for n in graph.operators if flatbuffer.is_custom(tree.operatorCodes[n.opcodeIndex])
        ]
        graph.operators = [node for node in graph.operators if node not in ours]
        given = (int(tensor) for node in ours for tensor in node.outputs)
        graph.inputs = [*graph.inputs, *given]
        return flatbuffer.serialize(tree)
    except (IndexError, TypeError, ValueError):
        return model


@cache
def _limit_memory() -> None:
    if "libasan" not in os.environ.get("LD_PRELOAD", ""):  # it maps much more than it uses
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))


def _attempt(case: Case, options: dict[str, str] | None) -> bool:
    """Whether it ends in an error."""
    try:
        session = Session(case.model, options)
    except (RuntimeError, ValueError):
        return True
    if session.resize([]):
        return True
    try:
        inputs = case.runs[0].inputs(session.shapes(), session.types())
        return isinstance(session.infer(inputs), str)
    except (MemoryError, ValueError):  # an input that NumPy cannot make
        return True


def _choice(rng: np.random.Generator, items: Any) -> Any:
    return items[int(rng.integers(len(items)))]


def _change_tensor(rng: np.random.Generator, tree: schema.ModelT) -> None:
    """Its shape, type or buffer."""
    graph = tree.subgraphs[0]
    tensor = _choice(rng, graph.tensors)
    shape = list(tensor.shape if tensor.shape is not None else [])
    what = rng.random()
    if what < 0.4 and shape:
        shape[int(rng.integers(len(shape)))] = _choice(rng, _INTEGERS)
    elif what < 0.55:
        shape.insert(int(rng.integers(len(shape) + 1)), _choice(rng, _INTEGERS))
    elif what < 0.65 and shape:
        del shape[int(rng.integers(len(shape)))]
    elif what < 0.8:
        tensor.type = int(rng.integers(0, 18))
    elif what < 0.95:
        tensor.buffer = int(rng.integers(len(tree.buffers)))
    else:
        tensor.isVariable = not tensor.isVariable
    tensor.shape = shape


def _change_buffer(rng: np.random.Generator, tree: schema.ModelT) -> None:
    """What weights, paddings, shapes or the packed blocks of a layer hold."""
    filled = [buffer for buffer in tree.buffers if buffer.data is not None and len(buffer.data)]
    custom = [node for node in tree.subgraphs[0].operators if node.customOptions is not None]
    if custom and rng.random() < 0.3:
        node = _choice(rng, custom)
        node.customOptions = _changed_bytes(rng, node.customOptions)
    elif filled:
        buffer = _choice(rng, filled)
        buffer.data = _changed_bytes(rng, buffer.data)


def _changed_bytes(rng: np.random.Generator, data: Any) -> Any:
    data = np.array(data, np.uint8)
    what = rng.random()
    if what < 0.2:
        return data[: int(rng.integers(len(data) + 1))]
    if what < 0.3:
        return np.concatenate([data, rng.integers(0, 256, rng.integers(1, 64), np.uint8)])
    near_start = len(data) if rng.random() < 0.5 else min(len(data), 64)  # where headers are
    for _ in range(rng.integers(1, 5)):
        place = int(rng.integers(near_start))
        if what < 0.6:
            data[place] = _choice(rng, [0, 1, 127, 128, 255, int(rng.integers(256))])
        else:
            word = np.frombuffer(np.int32(_choice(rng, _INTEGERS)).tobytes(), np.uint8)
            place = min(place // 4 * 4, max(0, len(data) - 4))
            data[place : place + 4] = word[: len(data) - place]
    return data


def _change_node(rng: np.random.Generator, tree: schema.ModelT) -> None:
    """What an operator reads and writes, which one it is, or what the model's ends are."""
    graph = tree.subgraphs[0]
    node = _choice(rng, graph.operators)
    what = rng.random()
    if what < 0.15:
        node.opcodeIndex = int(rng.integers(len(tree.operatorCodes)))
    elif what < 0.25:
        _choice(rng, tree.operatorCodes).version = _choice(rng, (0, 1, 2, 3, 5, 100))
    elif what < 0.4:
        ends = [int(tensor) for tensor in graph.outputs]
        ends.insert(0, int(rng.integers(len(graph.tensors))))
        graph.outputs = ends
    else:
        field = "inputs" if what < 0.9 else "outputs"
        tensors = [int(tensor) for tensor in getattr(node, field)]
        place = int(rng.integers(len(tensors))) if tensors else 0
        other = int(rng.integers(-1, len(graph.tensors)))
        how = rng.random()
        if how < 0.7 and tensors:
            tensors[place] = other
        elif how < 0.85:
            tensors.insert(place, other)
        elif tensors:
            del tensors[place]
        setattr(node, field, tensors)


def _change_options(rng: np.random.Generator, tree: schema.ModelT) -> None:
    """A stride, an axis, an activation and the like."""
    nodes = [node for node in tree.subgraphs[0].operators if node.builtinOptions is not None]
    if not nodes:
        return
    options = _choice(rng, nodes).builtinOptions
    numbers = (bool, int, float)
    fields = [name for name, value in vars(options).items() if isinstance(value, numbers)]
    if not fields:
        return
    name = _choice(rng, fields)
    value = getattr(options, name)
    if isinstance(value, bool):
        setattr(options, name, not value)
    else:
        setattr(options, name, _choice(rng, _FLOATS if isinstance(value, float) else _INTEGERS))


def _change_quantization(rng: np.random.Generator, tree: schema.ModelT) -> None:
    """A scale, a zero point, the axis that scales are along, how many there are, or whether any."""
    tensors = tree.subgraphs[0].tensors
    tensor = _choice(rng, [t for t in tensors if t.quantization is not None] or tensors)
    quantization = tensor.quantization or schema.QuantizationParametersT([], [], [1.0], [0])
    tensor.quantization = quantization
    scales, zero_points = (
        [] if numbers is None else list(numbers)
        for numbers in (quantization.scale, quantization.zeroPoint)
    )
    what = rng.random()
    if what < 0.3 and scales:
        scales[int(rng.integers(len(scales)))] = _choice(rng, (*_FLOATS, 1e-39, 1e-9, 1.0))
    elif what < 0.5 and zero_points:
        zero_points[int(rng.integers(len(zero_points)))] = _choice(rng, (*_INTEGERS, 2**40))
    elif what < 0.65:
        quantization.quantizedDimension = _choice(rng, _INTEGERS)
    elif what < 0.9:
        changed = _choice(rng, (scales, zero_points))
        if changed and rng.random() < 0.5:
            del changed[int(rng.integers(len(changed)))]
        else:
            changed.append(1)
    else:
        tensor.quantization = None
    quantization.scale, quantization.zeroPoint = scales, zero_points


_CHANGES = (
    *(_change_tensor, _change_buffer, _change_buffer, _change_node, _change_options),
    _change_quantization,
)
