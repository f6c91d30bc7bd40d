# SPDX-License-Identifier: Apache-2.0
"""Transposed convolutions through pruning, converter and delegate: as TensorFlow Lite has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter as StandardInterpreter
from ai_edge_litert.interpreter import OpResolverType

import ubp
from ubp.runtime import delegate_report
from ubp.tflite import flatbuffer

Run = Callable[[Any, list[np.ndarray]], list[np.ndarray]]
PLAIN = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES

# Input shape without batch, filters, kernel, strides, further arguments of Conv2DTranspose.
LAYERS = {
    "2x2 by 2": ((7, 6, 16), 32, 2, 2, {"padding": "same"}),
    "3x3 by 2": ((7, 6, 16), 32, 3, 2, {"padding": "same"}),
    "3x3 by 2, valid": ((7, 6, 16), 32, 3, 2, {"padding": "valid"}),
    "4x4 by 2": ((7, 6, 16), 32, 4, 2, {"padding": "same"}),
    "5x3 by 3x2": ((5, 6, 16), 16, (5, 3), (3, 2), {"padding": "same"}),
    "5x5 by 1": ((5, 6, 16), 16, 5, 1, {"padding": "same"}),
    "1x1 by 2": ((5, 6, 16), 16, 1, 2, {"padding": "same"}),
    "no bias": ((7, 6, 16), 32, 3, 2, {"use_bias": False}),
    "relu6": ((7, 6, 16), 32, 3, 2, {"activation": "relu6"}),
    "13 filters": ((7, 6, 16), 13, 3, 2, {"padding": "same"}),
    "1 filter": ((7, 6, 16), 1, 2, 2, {"padding": "same"}),
    "1 pixel": ((1, 1, 16), 32, 2, 2, {"padding": "same"}),
}


def fill(model: Any, sparsity: float = 0.8) -> Any:
    """Random weights; zeros single, so that every block size is exercised by padding."""
    rng = np.random.default_rng(0)
    for weight in model.weights:
        values = rng.normal(size=weight.shape)
        if len(weight.shape) > 1:
            values *= rng.random(weight.shape) >= sparsity
        weight.assign(values)
    return model


def one_layer(keras: Any, case: str) -> Any:
    shape, filters, kernel, strides, options = LAYERS[case]
    inputs = keras.Input(shape)
    layer = keras.layers.Conv2DTranspose(filters, kernel, strides, **options)
    return fill(keras.Model(inputs, layer(inputs)))


def operators(data: bytes) -> set[str]:
    tree = flatbuffer.parse(data, "model")
    return {flatbuffer.operator_name(tree, each) for each in tree.subgraphs[0].operators}


def assert_same(model: bytes, dense: bytes, run: Run, batch: int = 1, **options: Any) -> None:
    expecting = StandardInterpreter(model_content=dense, experimental_op_resolver_type=PLAIN)
    rng = np.random.default_rng(1)
    inputs = [
        rng.normal(size=(batch, *detail["shape"][1:])).astype(np.float32)
        for detail in expecting.get_input_details()
    ]
    found = run(ubp.Interpreter(model, **options), inputs)
    for expected, actual in zip(run(expecting, inputs), found, strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5 * np.ptp(expected))


@pytest.mark.parametrize("case", LAYERS)
def test_layers(keras: Any, run: Run, case: str) -> None:
    dense = ubp.convert(one_layer(keras, case), min_speedup=0).dense
    for block_size in (1, 4, 16):
        result = ubp.convert(dense, block_size, min_speedup=0)
        assert "UbpTransposeConv2D" in operators(result.model)
        assert_same(result.model, dense, run)
        restored = ubp.unpack(result.model)
        assert "TRANSPOSE_CONV" in operators(restored)
        assert_same(restored, dense, run)


@pytest.mark.parametrize("kernel", ["auto", "reference", "portable"])
@pytest.mark.parametrize("n", [1, 2, 4, 8, 16])
def test_block_sizes_and_kernels(keras: Any, run: Run, n: int, kernel: str) -> None:
    result = ubp.convert(one_layer(keras, "3x3 by 2"), block_size=n, min_speedup=0)
    assert_same(result.model, result.dense, run, kernel=kernel)


@pytest.mark.parametrize("sparsity", [0.0, 1.0])
def test_all_dense_and_all_zero(keras: Any, run: Run, sparsity: float) -> None:
    result = ubp.convert(fill(one_layer(keras, "3x3 by 2"), sparsity), min_speedup=0)
    assert_same(result.model, result.dense, run)


@pytest.mark.parametrize(("weights", "tolerance"), [("f16", 2e-3), ("bf16", 2e-2), ("i8", 2e-2)])
def test_narrow_weights(keras: Any, weights: str, tolerance: float) -> None:
    result = ubp.convert(one_layer(keras, "3x3 by 2"), weights=weights, min_speedup=0)
    found = ubp.verify(result.dense, result.model)
    assert 0 < found.relative_error <= tolerance


def test_what_a_pixel_does_not_read_has_no_part_in_it(keras: Any, run: Run) -> None:
    """An infinity stays where the dense layer has it."""
    dense = ubp.convert(fill(one_layer(keras, "3x3 by 2"), 0.0), min_speedup=0).dense
    x = np.zeros((1, 7, 6, 16), np.float32)
    x[0, 3, 3, 2] = np.inf
    plain = StandardInterpreter(model_content=dense, experimental_op_resolver_type=PLAIN)
    (expected,) = run(plain, [x])
    for n in (1, 4, 16):
        result = ubp.convert(dense, block_size=n, min_speedup=0)
        (actual,) = run(ubp.Interpreter(result.model), [x])
        # The plain kernel clamps to finite values; NaN compares as false.
        np.testing.assert_array_equal(np.abs(actual) < 1e30, np.abs(expected) < 1e30)


def unet(keras: Any, kernel: int, size: int | None = 32) -> Any:
    """A small U-Net, whose way up is transposed convolutions."""
    layers = keras.layers
    inputs = x = keras.Input((size, size, 3))
    skipped = []
    for width in (16, 32):
        x = layers.Conv2D(width, 3, padding="same", activation="relu")(x)
        skipped.append(x)
        x = layers.MaxPooling2D()(x)
    x = layers.Conv2D(64, 3, padding="same", activation="relu")(x)
    for width, skip in zip((32, 16), reversed(skipped), strict=True):
        up = layers.Conv2DTranspose(
            width, kernel, 2, padding="same", activation="relu", name=f"up_{width}"
        )
        x = layers.Concatenate()([up(x), skip])
        x = layers.Conv2D(width, 3, padding="same", activation="relu")(x)
    return keras.Model(inputs, layers.Conv2D(2, 1)(x))


def pruned_unet(keras: Any, kernel: int, size: int | None = 32) -> Any:
    model = fill(unet(keras, kernel, size), 0.0)
    names = [layer.name for layer in model.layers if layer.weights][1:-1]
    return ubp.strip(ubp.prune(model, ubp.ConstantSparsity(0.8), layers=names))


@pytest.mark.parametrize("kernel", [2, 3])
def test_a_pruned_unet(keras: Any, run: Run, kernel: int) -> None:
    """The blocks that its transposed convolutions were pruned in are those of the file."""
    result = ubp.convert(pruned_unet(keras, kernel), block_size=4, min_speedup=0)
    layers = [layer for layer in result.report if layer.op == "TRANSPOSE_CONV"]
    assert [layer.shape[1:] for layer in layers] == [(kernel, kernel, n) for n in (64, 32)]
    for layer in result.report[1:-1]:
        weights = int(np.prod(layer.shape))
        assert layer.taken
        assert layer.sparsity == pytest.approx(0.8, abs=0.01)
        assert layer.num_blocks == round(weights * (1 - layer.sparsity)) // 4
    for threads in (1, 2):
        assert_same(result.model, result.dense, run, num_threads=threads)
    assert ubp.verify(result.dense, result.model).passed


def test_an_unet_of_open_sizes(keras: Any, run: Run) -> None:
    """What computes the shapes of its transposed convolutions is gone; they follow their input."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(pruned_unet(keras, 3, None))
    dense = converter.convert()
    result = ubp.convert(dense, min_speedup=0, shapes=[(1, 32, 32, 3)])
    assert "UbpTransposeConv2D" in operators(result.model)
    assert not operators(result.model) & {"SHAPE", "STRIDED_SLICE", "PACK", "TRANSPOSE_CONV"}
    restored = ubp.unpack(result.model)
    for shape in ((1, 32, 32, 3), (2, 16, 24, 3)):
        x = [np.random.default_rng(1).normal(size=shape).astype(np.float32)]
        plain = StandardInterpreter(model_content=dense, experimental_op_resolver_type=PLAIN)
        (expected,) = run(plain, x)
        for each in (ubp.Interpreter(result.model), StandardInterpreter(model_content=restored)):
            (actual,) = run(each, x)
            np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-5 * np.ptp(expected))


def test_the_layers_are_measured(keras: Any) -> None:
    from ubp.timing.layers import measure_layers

    result = ubp.convert(pruned_unet(keras, 2), min_speedup=0)
    measured = measure_layers(result, rounds=3, progress=False)
    found = [layer.measured for layer in measured.report if layer.op == "TRANSPOSE_CONV"]
    assert len(found) == 2
    assert all(each is not None and each > 0 for each in found)


def decided_alike(dense: bytes) -> list[bool]:
    """Whether layers are taken: of an ordinary file the delegate decides as the converter."""
    reports = ubp.convert(dense).report
    nodes = [n for n in delegate_report(dense).nodes if n.op in ("CONV_2D", "TRANSPOSE_CONV")]
    for report, node in zip(reports, nodes, strict=True):
        assert report.op == node.op
        assert node.block_size in (None, report.block_size)
        if node.zeros is not None:
            assert node.zeros == pytest.approx(report.sparsity, rel=1e-5)
            assert node.speedup == pytest.approx(report.speedup, rel=1e-5)
    return [report.taken for report in reports]


@pytest.mark.parametrize("case", LAYERS)
def test_the_converter_decides_as_the_delegate(keras: Any, case: str) -> None:
    decided_alike(ubp.convert(one_layer(keras, case)).dense)


@pytest.mark.parametrize("kernel", [2, 3])
def test_the_converter_decides_on_an_unet_as_the_delegate(keras: Any, kernel: int) -> None:
    taken = decided_alike(ubp.convert(pruned_unet(keras, kernel)).dense)
    assert sum(taken) >= 4
