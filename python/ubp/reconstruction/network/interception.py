# SPDX-License-Identifier: Apache-2.0
"""What enters layers that are called by a user's own code: their calls are intercepted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf


@dataclass(frozen=True)
class Intercepted:
    """A call of a layer.

    Attributes:
        layer: which is called.
        inputs: its first argument.
        outputs: what it returned.
    """

    layer: keras.layers.Layer
    inputs: Any
    outputs: Any


class _Enough(BaseException):
    """Ends a run whose rest is of no interest; Keras changes exceptions of other kinds."""


def calls_in(run: Callable[[], Any], layers: Sequence[keras.layers.Layer]) -> list[Intercepted]:
    """The calls of some layers, in order, while something runs.

    Raises:
        RuntimeError: if a layer is called inside a `tf.function`.
    """
    calls: list[Intercepted] = []
    with ExitStack() as stack:
        for layer in layers:
            stack.enter_context(_watched(layer, calls.append))
        run()
    return calls


def first_call_in(
    run: Callable[[], Any], layers: Sequence[keras.layers.Layer]
) -> Intercepted | None:
    """The first call of any of some layers, which ends the run; None if there is none.

    Raises:
        RuntimeError: if it is inside a `tf.function`.
    """
    calls: list[Intercepted] = []

    def take(call: Intercepted) -> None:
        calls.append(call)
        raise _Enough

    with suppress(_Enough), ExitStack() as stack:
        for layer in layers:
            stack.enter_context(_watched(layer, take))
        run()
    return calls[0] if calls else None


def inputs_in(run: Callable[[], Any], layer: keras.layers.Layer, count: int) -> list[Any]:
    """What enters a layer in its first calls, which end the run.

    Args:
        run: calls the layer at least so often.
        layer: whose inputs are wanted.
        count: how many.
    """
    inputs: list[Any] = []

    def take(given: Any) -> None:
        inputs.append(given)
        if len(inputs) == count:
            raise _Enough

    with suppress(_Enough), _watched(layer, lambda _: None, take):
        run()
    return inputs


@contextmanager
def _watched(
    layer: keras.layers.Layer,
    after: Callable[[Intercepted], None],
    before: Callable[[Any], None] = lambda _: None,
) -> Iterator[None]:
    call = layer.call

    def watch(inputs: Any, *args: Any, **kwargs: Any) -> Any:
        if tf.inside_function():
            raise RuntimeError(
                f"prune_without_training: layer '{layer.name}' is called inside a tf.function; "
                "expected a model whose call() is not one."
            )
        before(inputs)
        outputs = call(inputs, *args, **kwargs)
        after(Intercepted(layer, inputs, outputs))
        return outputs

    layer.call = watch
    try:
        yield
    finally:
        del layer.call
