# SPDX-License-Identifier: Apache-2.0
"""Operators of the shapes that networks for images have, each as a model of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from bench.harness.operators import Chain

_Add = Callable[[Chain], int]
_SHAPES = ((7, 512), (14, 256), (20, 96), (28, 128), (56, 64), (112, 32))  # size, channels
_FUNCTIONS = ("HARD_SWISH", "LOGISTIC", "TANH", "GELU", "ELU", "EXP")


@dataclass(frozen=True)
class Case:
    """One operator.

    operator: its name, with kernel and stride where it has a window.
    size, channels: of the input, which is square.
    model: a .tflite file with just this operator.
    """

    operator: str
    size: int
    channels: int
    model: bytes


def cases() -> Iterator[Case]:
    """All that are measured, those of a kind one after the other."""
    for name, add in _operators():
        for size, channels in _SHAPES:
            chain = Chain([1, size, size, channels], np.random.default_rng(0))
            yield Case(name, size, channels, chain.build(add(chain)))


def _operators() -> Iterator[tuple[str, _Add]]:
    for kernel, stride in ((3, 1), (3, 2), (5, 1), (5, 2)):
        name = _of_window("DEPTHWISE_CONV_2D", kernel, stride)
        yield name, partial(_depthwise, kernel=kernel, stride=stride)
    for kernel, stride in ((2, 2), (3, 1), (3, 2)):
        for name, is_maximum in (("MAX_POOL_2D", True), ("AVERAGE_POOL_2D", False)):
            add = partial(_pool, is_maximum=is_maximum, kernel=kernel, stride=stride)
            yield _of_window(name, kernel, stride), add
    yield "MEAN", lambda chain: chain.mean(chain.input)
    yield "RESIZE_BILINEAR", lambda chain: chain.enlarge(chain.input)
    yield "PAD", lambda chain: chain.pad(chain.input, 1, 1)
    yield "ADD", lambda chain: chain.arithmetic("ADD", chain.input, chain.input)
    yield "PRELU", lambda chain: chain.prelu(chain.input)
    for function in _FUNCTIONS:
        yield function, partial(_function, name=function)
    for kernel, stride in ((1, 1), (3, 1), (3, 2)):
        name = _of_window("CONV_2D", kernel, stride)
        yield name, partial(_conv, kernel=kernel, stride=stride)


def _of_window(operator: str, kernel: int, stride: int) -> str:
    return f"{operator} {kernel}x{kernel} / {stride}"


def _depthwise(chain: Chain, kernel: int, stride: int) -> int:
    return chain.depthwise(chain.input, kernel, stride=stride)


def _pool(chain: Chain, is_maximum: bool, kernel: int, stride: int) -> int:
    return chain.pool(chain.input, is_maximum, kernel, stride)


def _function(chain: Chain, name: str) -> int:
    return chain.function(name, chain.input)


def _conv(chain: Chain, kernel: int, stride: int) -> int:
    """Dense, and few channels of output: 3x3 ones of many take long."""
    return chain.conv(chain.input, 64, kernel, stride=stride)
