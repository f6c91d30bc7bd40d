# SPDX-License-Identifier: Apache-2.0
"""The operators of random graphs: one function each, which draws a node and adds it.

A function gets a Draft and returns whether it added something; it does not if no tensor fits or the
result would be too large. To add an operator, write its function here; whether it has an int8 form,
fuzz.quantize knows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from fuzz.draft import Draft
from fuzz.layer_norm import layer_norm

OP = schema.BuiltinOperator
KERNELS = (1, 1, 1, 2, 3, 3, 3, 4, 5, 7)
STRIDES = (1, 1, 1, 1, 2, 2, 3, 4)
DILATIONS = (1, 1, 1, 1, 2, 3)
FAR = (64, 4096, 46341, 65536)  # dilations for which sizes grow out of 32 bits

Draw = Callable[[Draft], bool]


@dataclass(frozen=True)
class Operator:
    """A function of this module and how often it is tried, relative to others.

    weight: in graphs of float32. int8: in those that become int8.
    """

    draw: Draw
    weight: float
    int8: float


OPERATORS: list[Operator] = []


def operator(weight: float, int8: float | None = None) -> Callable[[Draw], Draw]:
    """Add the function to OPERATORS; int8 is the same weight unless said otherwise."""

    def register(draw: Draw) -> Draw:
        OPERATORS.append(Operator(draw, weight, weight if int8 is None else int8))
        return draw

    return register


# ---- with weights or a window -----------------------------------------------------------------


def _convolve(
    draft: Draft,
    x: int,
    channels: int,
    depthwise: bool,
    pointwise: bool,
    stride: tuple[int, int] | None = None,
) -> bool:
    """stride: that of an ordinary one, which is not dilated and pads; None: whatever is drawn.

    A depthwise one is a CONV_2D of as many groups at times.
    """
    in_channels = draft.shape(x)[3]
    kernel = (1, 1) if pointwise else draft.pair(KERNELS)
    dilation, valid = (1, 1), False
    if stride is None:
        stride, dilation = draft.pair(STRIDES), draft.pair(DILATIONS)
        if draft.chance(0.01):
            dilation = draft.pair(FAR)
            kernel = draft.pair((1, 2, 3, 24))
        valid = draft.chance(0.5)
    taps = kernel[0] * kernel[1]
    shape = draft.graph.window(x, kernel, stride, dilation, valid, channels)
    lanes = taps * (1 if depthwise else in_channels)
    if not draft.fits(shape, int(np.prod(shape, dtype=np.int64)) * lanes):
        return False
    in_groups = depthwise and draft.chance(0.25)
    if depthwise:
        order = (channels, *kernel, 1) if in_groups else (1, *kernel, channels)
        weights = draft.parameters(draft.normal(order, 1.0 / np.sqrt(taps)))
    else:
        weights = draft.weights((channels, *kernel, in_channels), lanes)
    output = draft.graph.conv(
        x,
        weights,
        draft.bias(channels),
        stride=stride,
        dilation=dilation,
        valid=valid,
        activation=draft.activation(),
        depthwise=depthwise and not in_groups,
    )
    draft.add_value(output, [x])
    return True


def _padded(draft: Draft, x: int) -> int:
    """The tensor, often behind a PAD or several: what reads them takes them in."""
    return draft.values[-1] if draft.chance(0.3) and _pads_in_a_row(draft, x) else x


@operator(9, int8=12)
def _conv_2d(draft: Draft) -> bool:
    x = draft.pick([4])
    if x is None:
        return False
    return _convolve(draft, _padded(draft, x), draft.channels(), False, draft.chance(0.4))


@operator(4, int8=5)
def _depthwise_conv_2d(draft: Draft) -> bool:
    x = draft.pick([4])
    if x is None:
        return False
    x = _padded(draft, x)  # at times by channels
    return _convolve(draft, x, draft.shape(x)[3], True, False)


@operator(0, int8=2)
def _inverted_residual(draft: Draft) -> bool:
    """MobileNet's block, with the sum if the stride is 1: channels go up, and come back."""
    x = draft.pick([4])
    if x is None:
        return False
    first, count = x, len(draft.values)
    wide = draft.choice((2, 3, 4, 6)) * draft.shape(x)[3]
    narrow = draft.shape(x)[3] if draft.chance(0.7) else draft.channels()
    stride = draft.choice(((1, 1), (1, 1), (2, 2)))
    added = (
        _convolve(draft, x, wide, False, True, (1, 1))
        and _convolve(draft, draft.values[-1], wide, True, False, stride)
        and _convolve(draft, draft.values[-1], narrow, False, True, (1, 1))
    )
    if added and draft.shape(draft.values[-1]) == draft.shape(first):
        inputs = [first, draft.values[-1]]
        draft.emit(OP.ADD, inputs, draft.shape(first), schema.AddOptionsT())
    return len(draft.values) > count


@operator(0, int8=1)
def _squeeze_and_excite(draft: Draft) -> bool:
    """An image times a gate that is computed from its means."""
    x = draft.pick([4])
    if x is None or not _mean_of(draft, x, (1, 2), True):
        return False
    means, channels = draft.values[-1], draft.shape(x)[3]
    if not (
        _convolve(draft, means, draft.choice((1, 4, 8)), False, True, (1, 1))
        and _convolve(draft, draft.values[-1], channels, False, True, (1, 1))
    ):
        return True
    code = draft.choice((OP.LOGISTIC, OP.LOGISTIC, OP.HARD_SWISH))
    gate = draft.emit(code, [draft.values[-1]], draft.shape(draft.values[-1]))
    draft.emit(OP.MUL, [x, gate], draft.shape(x), schema.MulOptionsT())
    return True


@operator(2)
def _fully_connected(draft: Draft) -> bool:
    x = draft.pick()
    if x is None:
        return False
    features, channels = draft.shape(x)[-1], draft.channels()
    rows = int(np.prod(draft.shape(x))) // features
    if not draft.fits([rows, channels], rows * channels * features):
        return False
    weights = draft.weights((channels, features), features)
    bias = -1 if draft.chance(0.2) else draft.bias(channels)
    keep = draft.chance(0.4)
    output = draft.graph.fully_connected(
        x, weights, bias, activation=draft.activation(), keep_num_dims=keep
    )
    draft.add_value(output, [x])
    return True


def _pool(draft: Draft, code: int) -> bool:
    x = draft.pick([4])
    return x is not None and _pool_by(draft, code, x, draft.pair((*KERNELS, 9)))


def _pool_by(
    draft: Draft, code: int, x: int, kernel: tuple[int, int], valid: bool | None = None
) -> bool:
    stride = draft.pair(STRIDES)
    valid = draft.chance(0.5) if valid is None else valid
    shape = draft.graph.window(x, kernel, stride, 1, valid, draft.shape(x)[3])
    if not draft.fits(shape, int(np.prod(shape, dtype=np.int64)) * kernel[0] * kernel[1]):
        return False
    options = schema.Pool2DOptionsT(
        padding=int(valid),
        strideH=stride[0],
        strideW=stride[1],
        filterHeight=kernel[0],
        filterWidth=kernel[1],
        fusedActivationFunction=draft.activation(),
    )
    draft.emit(code, [x], shape, options)
    return True


@operator(1.5)
def _max_pool_2d(draft: Draft) -> bool:
    return _pool(draft, OP.MAX_POOL_2D)


@operator(1, int8=0)
def _padded_max_pool_2d(draft: Draft) -> bool:
    """As PyTorch pads: by a number that no maximum is, and by less than a window."""
    x = draft.pick([4])
    if x is None:
        return False
    kernel = draft.pair((2, 3, 3, 4))
    least = draft.choice((-float("inf"), float(np.finfo(np.float32).min)))
    sides = [[draft.integer(0, size - 1) for _ in range(2)] for size in kernel]
    if not _pad_by(draft, x, [[0, 0], *sides, [0, 0]], least):
        return False
    padded = draft.values.pop()  # nothing else is computed of it
    if _pool_by(draft, OP.MAX_POOL_2D, padded, kernel, valid=True):
        return True
    draft.values.append(padded)
    return True


@operator(1.5)
def _average_pool_2d(draft: Draft) -> bool:
    return _pool(draft, OP.AVERAGE_POOL_2D)


# ---- elementwise ------------------------------------------------------------------------------

ARITHMETIC = {
    OP.ADD: schema.AddOptionsT,
    OP.SUB: schema.SubOptionsT,
    OP.MUL: schema.MulOptionsT,
}


def _combine(draft: Draft, inputs: list[int], shape: list[int]) -> bool:
    code = draft.choice(list(ARITHMETIC))
    options = ARITHMETIC[code](fusedActivationFunction=draft.activation())
    if draft.chance(0.3):
        inputs.reverse()
    draft.emit(code, inputs, shape, options)
    return True


@operator(2.5, int8=4)
def _add_sub_mul(draft: Draft) -> bool:
    """Two tensors of equal shape; a residual, if one is older."""
    x = draft.pick()
    return x is not None and _combine(draft, [x, draft.pick_like(x)], draft.shape(x))


@operator(1)
def _add_sub_mul_broadcast(draft: Draft) -> bool:
    """An image and a number for each channel, of its batch or of a batch of one."""
    x = draft.pick([4])
    if x is None:
        return False
    batch, _, _, channels = draft.shape(x)
    fit = ([batch, 1, 1, channels], [1, 1, 1, channels])
    vectors = [tensor for tensor in draft.values if draft.shape(tensor) in fit]
    if vectors and draft.chance(0.8):
        return _combine(draft, [x, draft.choice(vectors)], draft.shape(x))
    return _mean_of(draft, x, (1, 2), True) and _combine(
        draft, [x, draft.values[-1]], draft.shape(x)
    )


@operator(1.5)
def _add_sub_mul_constant(draft: Draft) -> bool:
    x = draft.pick()
    if x is None:
        return False
    shape = draft.shape(x)
    if draft.chance(0.1):
        constant = draft.parameters(draft.normal(shape))  # a number for each element
    else:
        rank = draft.integer(0, len(shape))
        last = shape[-1] if draft.chance(0.6) else 1
        constant = draft.parameters(draft.normal([*[1] * (rank - 1), last] if rank else []))
    return _combine(draft, [x, constant], shape)


FUNCTIONS = (
    OP.RELU,
    OP.RELU,
    OP.RELU6,
    OP.RELU_N1_TO_1,
    OP.LEAKY_RELU,
    OP.HARD_SWISH,
    OP.LOGISTIC,
    OP.TANH,
    OP.ELU,
    OP.GELU,
    OP.ABS,
    OP.NEG,
)


@operator(3)
def _function(draft: Draft) -> bool:
    """Of one number; after LOGISTIC sometimes the product with what it read, which is swish."""
    x = draft.pick()
    if x is None:
        return False
    code, options = draft.choice(FUNCTIONS), None
    if code == OP.LEAKY_RELU:
        options = schema.LeakyReluOptionsT(alpha=draft.choice((0.2, 0.01, -0.5, 1.5)))
    if code == OP.GELU:
        options = schema.GeluOptionsT(approximate=draft.chance(0.5))
    gate = draft.emit(code, [x], draft.shape(x), options)
    if code == OP.LOGISTIC and draft.chance(0.5):
        draft.emit(OP.MUL, [x, gate], draft.shape(x), schema.MulOptionsT())
    return True


@operator(0.7, int8=0.1)
def _softplus(draft: Draft) -> bool:
    """As the standard converter writes it; sometimes mish, which is x * tanh(softplus(x))."""
    x = draft.pick()
    if x is None:
        return False
    shape = draft.shape(x)
    exponential = draft.emit(OP.EXP, [x], shape, schema.ExpOptionsT())
    if draft.chance(0.2):
        return True
    one = draft.constant(np.array(1, np.float32))
    y = draft.emit(OP.ADD, [exponential, one], shape, schema.AddOptionsT())
    y = draft.emit(OP.LOG, [y], shape)
    if draft.chance(0.4):
        y = draft.emit(OP.TANH, [y], shape)
        draft.emit(OP.MUL, [x, y], shape, schema.MulOptionsT())
    return True


@operator(0.7, int8=0.2)
def _prelu(draft: Draft) -> bool:
    x = draft.pick([2, 3, 4])
    if x is None:
        return False
    shape = draft.shape(x)
    ones = [1] * (len(shape) - 2)
    alpha = draft.parameters(draft.normal(draft.choice([[*ones, shape[-1]], [shape[-1]]])))
    draft.emit(OP.PRELU, [x, alpha], shape)
    return True


@operator(0.5, int8=0)
def _div(draft: Draft) -> bool:
    x = draft.pick()
    if x is None:
        return False
    constant = draft.constant(np.array(draft.rng.uniform(0.5, 2.0), np.float32))
    draft.emit(OP.DIV, [x, constant], draft.shape(x), schema.DivOptionsT())
    return True


@operator(1.2)
def _transpose_conv(draft: Draft) -> bool:
    """With every padding and stride; kernels smaller than the stride leave gaps."""
    x = draft.pick([4])
    if x is None:
        return False
    batch, *sizes, in_channels = draft.shape(x)
    kernel, stride = draft.pair((1, 2, 2, 3, 4, 5)), draft.pair((1, 2, 2, 2, 3))
    valid, channels = draft.chance(0.5), min(draft.channels(), 40)
    steps = list(zip(sizes, kernel, stride, strict=True))
    # Of the sizes that a convolution makes the input's of, the largest, or mostly so.
    largest = [(n - 1) * s + (max(k, s) if valid else s) for n, k, s in steps]
    least = [(n - 1) * s + (k if valid else 1) for n, k, s in steps]
    exact = [
        n if valid and k >= s else high
        for n, high, (_, k, s) in zip(least, largest, steps, strict=True)
    ]
    to = exact
    if draft.chance(0.3):
        to = [draft.integer(*ends) for ends in zip(least, largest, strict=True)]
    shape = [batch, *to, channels]
    lanes = kernel[0] * kernel[1] * in_channels
    if not draft.fits(shape, sizes[0] * sizes[1] * batch * lanes * channels):
        return False
    weights = draft.weights([channels, *kernel, in_channels], lanes)
    computed = draft.chance(0.3)
    given = _computed_shape(draft, x, shape[1:]) if computed else draft.ints(shape)
    options = schema.TransposeConvOptionsT(
        padding=schema.Padding.VALID if valid else schema.Padding.SAME,
        strideH=stride[0],
        strideW=stride[1],
        fusedActivationFunction=draft.activation(),
    )
    inputs = [given, weights, x, *([draft.bias(channels)] if draft.chance(0.7) else [])]
    draft.emit(OP.TRANSPOSE_CONV, inputs, shape, options)
    return True


# ---- what rearranges or reduces ---------------------------------------------------------------


def _mean_of(draft: Draft, x: int, axes: tuple[int, ...], keep: bool) -> bool:
    shape = draft.shape(x)
    reduced = [1 if axis in axes else size for axis, size in enumerate(shape)]
    if not keep:
        reduced = [size for axis, size in enumerate(shape) if axis not in axes]
    order = [axis - len(shape) if draft.chance(0.3) else axis for axis in axes]
    if draft.chance(0.3):
        order.reverse()
    options = schema.ReducerOptionsT(keepDims=keep)
    draft.emit(OP.MEAN, [x, draft.ints(order)], reduced, options)
    return True


@operator(0.8)
def _mean(draft: Draft) -> bool:
    x = draft.pick([4])
    likely = draft.choice([(1, 2), (1, 2), (2, 3)])
    axes = likely if draft.chance(0.85) else draft.choice([(1,), (2,), (3,), (1, 2, 3)])
    return x is not None and _mean_of(draft, x, axes, draft.chance(0.5))


def _pad_by(draft: Draft, x: int, amounts: list[list[int]], value: float | None = None) -> bool:
    """A PAD, or a PADV2 with the value."""
    sizes = zip(draft.shape(x), amounts, strict=True)
    shape = [size + before + after for size, (before, after) in sizes]
    if not draft.fits(shape):
        return False
    table = draft.ints(amounts)
    if value is None:
        draft.emit(OP.PAD, [x, table], shape, schema.PadOptionsT())
        return True
    around = draft.parameters(np.full(draft.choice(([], [1])), value, np.float32))
    draft.emit(OP.PADV2, [x, table, around], shape, schema.PadV2OptionsT())
    return True


def _pads_in_a_row(draft: Draft, x: int) -> bool:
    """One to three of height and width, mostly on some sides only."""
    added = False
    for _ in range(draft.choice((1, 1, 1, 2, 3))):
        amounts = [[0, 0] for _ in range(4)]
        sides = draft.choice([(0, 1), (0, 1), (1,), (1,), (0,)])  # before, behind
        for axis in draft.choice([(1, 2), (1, 2), (1,), (2,)]):
            for side in sides:
                amounts[axis][side] = draft.choice((0, 1, 1, 2, 3))
        if draft.chance(0.05):
            amounts[draft.choice((0, 3))] = [draft.integer(0, 1), draft.integer(0, 2)]
        value = draft.choice((0.0, 0.75, -2.0, -8.0)) if draft.chance(0.3) else None
        if not _pad_by(draft, x, amounts, value):
            break
        x, added = draft.values[-1], True
    return added


@operator(1)
def _pad(draft: Draft) -> bool:
    x = draft.pick([4])
    return x is not None and _pads_in_a_row(draft, x)


@operator(1.5)
def _concatenation(draft: Draft) -> bool:
    """Along the last axis, mostly; a tensor may come twice."""
    x = draft.pick()
    if x is None:
        return False
    shape = draft.shape(x)
    axis = len(shape) - 1 if draft.chance(0.9) else draft.integer(0, len(shape) - 1)

    def others(tensor: int) -> list[int]:
        return [size for i, size in enumerate(draft.shape(tensor)) if i != axis]

    fit = [t for t in draft.values if len(draft.shape(t)) == len(shape) and others(t) == others(x)]
    inputs = [x, *(draft.choice(fit) for _ in range(draft.choice((0, 1, 1, 1, 2, 3))))]
    output = list(shape)
    output[axis] = sum(draft.shape(tensor)[axis] for tensor in inputs)
    if not draft.fits(output):
        return False
    negative = draft.chance(0.4)
    options = schema.ConcatenationOptionsT(axis=axis - len(shape) if negative else axis)
    draft.emit(OP.CONCATENATION, inputs, output, options)
    return True


@operator(1)
def _resize(draft: Draft) -> bool:
    """Nearest or bilinear, mostly to twice the size, with every rule of where pixels lie."""
    x = draft.pick([4])
    if x is None:
        return False
    batch, height, width, channels = draft.shape(x)
    to = [2 * height, 2 * width]
    if draft.chance(0.4):
        to = [draft.integer(1, 2 * height + 3), draft.integer(1, 3 * width + 2)]
    if not draft.fits([batch, *to, channels]):
        return False
    corners, centers = draft.choice([(False, False), (False, True), (False, True), (True, False)])
    bilinear = draft.chance(0.5)
    kind = schema.ResizeBilinearOptionsT if bilinear else schema.ResizeNearestNeighborOptionsT
    code = OP.RESIZE_BILINEAR if bilinear else OP.RESIZE_NEAREST_NEIGHBOR
    options = kind(alignCorners=corners, halfPixelCenters=centers)
    draft.emit(code, [x, draft.ints(to)], [batch, *to, channels], options)
    return True


operator(0.8, int8=0)(layer_norm)


@operator(0.7)
def _depth_to_space(draft: Draft) -> bool:
    block = draft.choice((1, 2, 2, 2, 3))
    fit = [t for t in draft.images() if draft.shape(t)[3] % block**2 == 0]
    if not fit:
        return False
    batch, height, width, channels = draft.shape(x := draft.choice(fit))
    to = [batch, height * block, width * block, channels // block**2]
    draft.emit(OP.DEPTH_TO_SPACE, [x], to, schema.DepthToSpaceOptionsT(blockSize=block))
    return True


@operator(0.7)
def _space_to_depth(draft: Draft) -> bool:
    block = draft.choice((1, 2, 2, 2, 3))
    fit = [t for t in draft.images() if not any(size % block for size in draft.shape(t)[1:3])]
    if not fit:
        return False
    batch, height, width, channels = draft.shape(x := draft.choice(fit))
    to = [batch, height // block, width // block, channels * block**2]
    draft.emit(OP.SPACE_TO_DEPTH, [x], to, schema.SpaceToDepthOptionsT(blockSize=block))
    return True


@operator(0.7)
def _softmax(draft: Draft) -> bool:
    x = draft.pick([2] if draft.chance(0.8) else [1, 2, 3, 4])
    if x is None:
        return False
    options = schema.SoftmaxOptionsT(beta=draft.choice((1.0, 1.0, 0.5, 3.0)))
    draft.emit(OP.SOFTMAX, [x], draft.shape(x), options)
    return True


def _computed_shape(draft: Draft, x: int, rest: list[int]) -> int:
    """[batch of x, *rest], as the standard converter has it computed for an open batch."""
    rank = len(draft.shape(x))
    reading = schema.ShapeOptionsT(outType=schema.TensorType.INT32)
    shape = draft.emit(OP.SHAPE, [x], [rank], reading, "int32")
    edges = [draft.ints([0]), draft.ints([1]), draft.ints([1])]
    slicing = schema.StridedSliceOptionsT(shrinkAxisMask=1)
    batch = draft.emit(OP.STRIDED_SLICE, [shape, *edges], [], slicing, "int32")
    sizes = [batch, *(draft.constant(np.array(size, np.int32)) for size in rest)]
    packing = schema.PackOptionsT(valuesCount=len(sizes), axis=0)
    return draft.emit(OP.PACK, sizes, [len(sizes)], packing, "int32")


@operator(1)
def _reshape(draft: Draft) -> bool:
    """Between [batch, 1, 1, channels] and [batch, channels]; at times of something else."""
    x = draft.pick([2, 4])
    if x is None:
        return False
    shape = draft.shape(x)
    if len(shape) == 2:
        to = [shape[0], *draft.choice([[1, 1, shape[1]], [shape[1], 1, 1]])]
    elif shape[1:3] == [1, 1] or shape[2:] == [1, 1] or draft.chance(0.3):
        to = [shape[0], int(np.prod(shape[1:]))]
    else:
        return False
    options = schema.ReshapeOptionsT(newShape=np.array(to, np.int32))
    how = draft.rng.random()
    if how < 0.3:
        inputs = [x, _computed_shape(draft, x, to[1:])]
    elif how < 0.6:
        inputs = [x, draft.ints([-1, *to[1:]])]
    elif how < 0.7:
        inputs = [x, draft.ints([*to[:-1], -1])]
    else:
        inputs = [x, draft.ints(to)] if how < 0.9 else [x]
    draft.emit(OP.RESHAPE, inputs, to, options)
    return True


@operator(1)
def _transpose(draft: Draft) -> bool:
    """Of the channels, as PyTorch has them, at times back; or of others, which ends a stretch."""
    x = draft.pick([4])
    if x is None:
        return False
    to_nhwc, to_nchw = (0, 2, 3, 1), (0, 3, 1, 2)
    orders = draft.choice(
        (
            (to_nhwc,),
            (to_nchw,),
            (to_nchw, to_nhwc),
            (to_nhwc, to_nchw),
            (to_nchw, to_nchw),
            ((0, 2, 1, 3),),
        )
    )
    for order in orders:
        shape = [draft.shape(x)[axis] for axis in order]
        x = draft.emit(OP.TRANSPOSE, [x, draft.ints(order)], shape, schema.TransposeOptionsT())
    return True
