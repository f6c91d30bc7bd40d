# SPDX-License-Identifier: Apache-2.0
"""Small networks for int8, and what their files compute."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter
from keras import layers

import ubp
from ubp.tflite import flatbuffer

Array = npt.NDArray[Any]
SHAPE = (12, 12, 8)
_EDGES = ("QUANTIZE", "DEQUANTIZE")


def network() -> keras.Model:
    """conv-bn-relu, depthwise-bn-relu6, conv-bn, a residual addition, dense; random statistics.

    Some factors of normalisation are negative, and a channel of 'point' is all zero.
    """
    inputs = keras.Input(SHAPE, name="picture")
    x = layers.Conv2D(16, 3, strides=2, padding="same", use_bias=False, name="stem")(inputs)
    entry = layers.ReLU(name="stem_relu")(layers.BatchNormalization(name="stem_norm")(x))
    x = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name="depthwise")(entry)
    x = layers.ReLU(6.0)(layers.BatchNormalization(name="depthwise_norm")(x))
    x = layers.Conv2D(16, 1, name="point")(x)
    x = layers.BatchNormalization(name="point_norm")(x)
    x = layers.ReLU(name="sum_relu")(layers.Add(name="sum")([x, entry]))
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    x = layers.Dense(24, activation="relu", name="hidden")(x)
    model = keras.Model(inputs, layers.Dense(5, name="classifier")(x), name="net")
    randomise(model)
    kernel = model.get_layer("point").kernel
    kernel.assign(kernel.numpy() * (np.arange(16) != 3))
    return model


def randomise(model: keras.Model, seed: int = 0) -> None:
    """Random kernels, of some spread over channels, and random statistics."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            shape = layer.gamma.shape
            moments = rng.normal(size=shape), np.exp(rng.normal(size=shape))
            layer.set_weights([rng.normal(size=shape), rng.normal(size=shape), *moments])
        elif hasattr(layer, "kernel"):
            shape = layer.kernel.shape
            fan_in = np.prod(shape[:-1]) if len(shape) == 2 else np.prod(shape[:2])
            spread = np.exp(rng.normal(size=shape[-1]) / 2)
            layer.kernel.assign(rng.normal(size=shape) * spread / np.sqrt(fan_in))


def data(samples: int = 96, shape: Sequence[int] = SHAPE) -> Array:
    """Inputs float32 [samples, ...]."""
    return np.random.default_rng(7).normal(size=(samples, *shape)).astype(np.float32)


def trained(model: keras.Model, epochs: int = 2, **arguments: Any) -> keras.Model:
    """Pruned to 75% while training for int8; what `ubp.prune` gives."""
    given = {"quantize": ubp.QuantizeAware(momentum=0.9)} | arguments
    pruned = ubp.prune(model, ubp.PolynomialDecay(0.0, 0.75, 0, 8, frequency=2), **given)
    return fit(pruned, epochs)


def fit(pruned: keras.Model, epochs: int = 2) -> keras.Model:
    """Train a little on noise."""
    x = [data(shape=tensor.shape[1:]) for tensor in pruned.inputs]
    y = np.random.default_rng(1).normal(size=(len(x[0]), *pruned.outputs[0].shape[1:]))
    pruned.compile(keras.optimizers.Adam(1e-3), "mse", jit_compile=False)
    inputs = x[0] if len(x) == 1 else x
    pruned.fit(inputs, y, batch_size=16, epochs=epochs, verbose=0, callbacks=[ubp.UpdatePruning()])
    return pruned


def zeros_of(model: keras.Model, name: str) -> Array:
    """Where the kernel of a layer is zero."""
    return np.asarray(model.get_layer(name).kernel.numpy() == 0)


def run_file(file: bytes, *inputs: Array) -> tuple[Array, float]:
    """The outputs as floats, sample by sample, and their step: 1 / 256 of the output's range.

    Of a float output the step is 0.
    """
    interpreter = Interpreter(model_content=file)
    interpreter.allocate_tensors()
    runner = interpreter.get_signature_runner()
    taken, given = runner.get_input_details(), runner.get_output_details()
    outputs = []
    for sample in zip(*inputs, strict=True):
        named = {
            name: _as_stored(value[None], detail)
            for (name, detail), value in zip(taken.items(), sample, strict=True)
        }
        ((name, output),) = runner(**named).items()
        step, zero = given[name]["quantization"]
        outputs.append((output[0].astype(np.float32) - zero) * step if step else output[0])
    return np.array(outputs), float(step)


def _as_stored(value: Array, detail: Any) -> Array:
    step, zero = detail["quantization"]
    if detail["dtype"] != np.int8:
        return value.astype(detail["dtype"])
    return np.clip(np.round(value / step) + zero, -128, 127).astype(np.int8)


def operators(file: bytes) -> list[tuple[str, list[str]]]:
    """Each operator with the types of what it reads and gives, read from the FlatBuffer."""
    tree = flatbuffer.parse(file, "test")
    names = {0: "float32", 2: "int32", 9: "int8", 10: "float64", 4: "int64", 6: "bool"}
    (graph,) = tree.subgraphs
    found = []
    for operator in graph.operators:
        used = [*flatbuffer.indices(operator.inputs), *flatbuffer.indices(operator.outputs)]
        types = [names[graph.tensors[index].type] for index in used if index != -1]
        found.append((flatbuffer.operator_name(tree, operator), types))
    return found


def is_all_int8(file: bytes) -> bool:
    """Whether no operator but QUANTIZE and DEQUANTIZE at the edges sees a float.

    Shapes, axes and biases are int32.
    """
    found = operators(file)
    inside = found[1:] if found[0][0] in _EDGES else found
    inside = inside[:-1] if inside[-1][0] in _EDGES else inside
    return all(set(types) <= {"int8", "int32"} for _, types in inside)
