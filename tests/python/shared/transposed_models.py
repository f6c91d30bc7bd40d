# SPDX-License-Identifier: Apache-2.0
"""Models of one transposed convolution, and what it computes, in NumPy alone."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from hypothesis import strategies as st

from fuzz.builder import ModelBuilder, SubgraphBuilder
from ubp.format import PackedLayer, TransposeConv2DAttributes

Pair = tuple[int, int]
SAME, VALID = schema.Padding.SAME, schema.Padding.VALID


def add_transposed(
    graph: SubgraphBuilder,
    x: int,
    output_shape: int,
    weights: int,
    shape: list[int],
    *,
    bias: int = -1,
    strides: Pair = (1, 1),
    padding: int = SAME,
    activation: int = 0,
) -> int:
    """Adds a TRANSPOSE_CONV with an output of this shape."""
    options = schema.TransposeConvOptionsT(
        padding=padding, strideH=strides[0], strideW=strides[1], fusedActivationFunction=activation
    )
    inputs = [output_shape, weights, x, *([bias] if bias != -1 else [])]
    output = graph.tensor(shape, f"transposed{len(graph.graph.operators)}")
    code, kind = schema.BuiltinOperator.TRANSPOSE_CONV, schema.BuiltinOptions.TransposeConvOptions
    return graph.operator(code, inputs, output, options, kind)


def one_transposed(
    weights: np.ndarray,
    sizes: Pair,
    outputs: Pair,
    bias: np.ndarray | None = None,
    batch: int = 1,
    **options: Any,
) -> bytes:
    """A model of one TRANSPOSE_CONV; weights [channels, kernel_h, kernel_w, in_channels]."""
    model = ModelBuilder()
    graph = model.subgraph()
    x = graph.input([batch, *sizes, weights.shape[3]])
    shape = [batch, *outputs, weights.shape[0]]
    given = graph.constant(np.array(shape, np.int32), "output shape")
    w = graph.constant(weights, "weights")
    b = -1 if bias is None else graph.constant(bias, "bias")
    graph.output(add_transposed(graph, x, given, w, shape, bias=b, **options))
    return model.build()


def outputs_of(kernel: Pair, strides: Pair, padding: int, sizes: Pair) -> list[range]:
    """The heights and the widths of which a convolution makes `sizes`."""
    found = []
    for k, s, n in zip(kernel, strides, sizes, strict=True):
        begin = (n - 1) * s + (1 if padding == SAME else k)
        found.append(range(max(begin, 1), begin + s))
    return found


def transposed(
    x: np.ndarray,
    weights: np.ndarray,
    bias: np.ndarray | None,
    strides: Pair,
    padding: int,
    outputs: Pair,
) -> np.ndarray:
    """Each pixel of the input adds its kernel to the output, which is as large as `outputs`."""
    kernel, sizes = weights.shape[1:3], x.shape[1:3]
    before = [
        max(0, (n - 1) * s + k - size) // 2
        for n, s, k, size in zip(sizes, strides, kernel, outputs, strict=True)
    ]
    result = np.zeros((x.shape[0], *outputs, weights.shape[0]))
    for i, j, ky, kx in itertools.product(*map(range, (*sizes, *kernel))):
        y, z = i * strides[0] + ky - before[0], j * strides[1] + kx - before[1]
        if 0 <= y < outputs[0] and 0 <= z < outputs[1]:
            result[:, y, z] += x[:, i, j].astype(np.float64) @ weights[:, ky, kx].T
    assert padding in (SAME, VALID)
    return result if bias is None else result + bias


def in_blocks(layer: PackedLayer, x: np.ndarray, bias: np.ndarray | None) -> np.ndarray:
    """What docs/packed-format.md says that a UbpTransposeConv2D computes, step by step."""
    a = layer.attributes
    assert isinstance(a, TransposeConv2DAttributes)
    pads = ((0, 0), (a.pad_top, a.pad_bottom), (a.pad_left, a.pad_right), (0, 0))
    padded = np.pad(x.astype(np.float64), pads)
    kernel = layer.weights().reshape(a.kernel_h, a.kernel_w, a.in_channels, a.out_channels)
    batch, rows, columns = (
        x.shape[0],
        *(
            size - taps + 1
            for size, taps in zip(padded.shape[1:3], (a.kernel_h, a.kernel_w), strict=True)
        ),
    )
    found = np.zeros((batch, rows, columns, a.out_channels))
    for ky, kx in np.ndindex(a.kernel_h, a.kernel_w):
        found += padded[:, ky : ky + rows, kx : kx + columns] @ kernel[ky, kx]
    if bias is not None:
        found += bias
    split = found.reshape(batch, rows, columns, a.block_h, a.block_w, -1)
    laid = split.transpose(0, 1, 3, 2, 4, 5)
    whole = laid.reshape(batch, rows * a.block_h, columns * a.block_w, -1)
    height, width = whole.shape[1:3]
    return whole[:, a.crop_top : height - a.crop_bottom, a.crop_left : width - a.crop_right]


@st.composite
def cases(draw: st.DrawFn) -> dict[str, Any]:
    """Arguments of `one_transposed`: kernels 1 to 5, strides 1 to 3, any pattern of zeros."""
    pairs = st.tuples
    kernel = draw(pairs(st.integers(1, 5), st.integers(1, 5)))
    strides = draw(pairs(st.integers(1, 3), st.integers(1, 3)))
    sizes = draw(pairs(st.integers(1, 5), st.integers(1, 5)))
    padding = draw(st.sampled_from([SAME, VALID]))
    heights, widths = outputs_of(kernel, strides, padding, sizes)
    outputs = (draw(st.sampled_from(heights)), draw(st.sampled_from(widths)))
    channels, in_channels = draw(st.integers(1, 6)), draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    weights = rng.normal(size=(channels, *kernel, in_channels)).astype(np.float32)
    pattern = draw(st.sampled_from(["none", "single", "channels", "rows", "lanes", "all"]))
    kept = draw(st.sampled_from([0.1, 0.5, 0.9]))
    extent = {
        "none": (),
        "single": weights.shape,
        "channels": (channels, 1, 1, 1),
        "rows": (1, kernel[0], 1, 1),
        "lanes": (1, *kernel, in_channels),
        "all": (1, 1, 1, 1),
    }[pattern]
    if pattern == "all":
        kept = 0.0
    keep = rng.random(extent) < kept if pattern != "none" else True
    return {
        "weights": np.where(keep, weights, np.float32(0)),
        "sizes": sizes,
        "outputs": outputs,
        "bias": rng.normal(size=channels).astype(np.float32) if draw(st.booleans()) else None,
        "batch": draw(st.integers(1, 2)),
        "strides": strides,
        "padding": padding,
        "activation": draw(st.sampled_from([0, 0, 1, 3])),
    }
