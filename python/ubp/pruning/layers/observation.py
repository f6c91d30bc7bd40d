# SPDX-License-Identifier: Apache-2.0
"""Gradients observed as they pass a tensor, by the means of each backend of Keras.

`sensitivity`, a float32 variable of the tensor's shape, is the sum of |x * dL/dx| over the training
steps, where x is the tensor and L the loss:

    tensorflow  a custom gradient adds to the variable
    torch       so does a hook of the tensor
    jax         gradients are pure functions there, and what they find is returned. The variable is
                an argument of the function that is differentiated, its "gradient" is the sum with
                this step's part, and the optimizer puts that in its place: what Keras does for the
                scales of float8 training (`overwrite_with_gradient`)

A product that is not finite, of a gradient that overflowed in a half-precision type, is left out,
as the optimizer leaves the step out.
"""

from __future__ import annotations

import weakref
from typing import Any

import keras
from keras import ops

from ubp.pruning.layers.replicas import sum_over_replicas


def sensitivity_options() -> dict[str, Any]:
    """How the variable is to be made, besides its name, shape and values."""
    if keras.backend.backend() == "jax":
        return {"trainable": True, "overwrite_with_gradient": True, "autocast": False}
    return {"trainable": False, "aggregation": "only_first_replica"}


def obstacle_to_observation(optimizer: Any) -> str | None:
    """Why gradients cannot be observed in training with an optimizer; None if they can."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)  # of mixed precision
    if keras.backend.backend() == "jax" and getattr(inner, "gradient_accumulation_steps", None):
        return (
            "importance='gradient' on JAX cannot see the gradients that an optimizer with "
            "gradient_accumulation_steps holds back; leave gradient_accumulation_steps out, or "
            "use importance='magnitude'"
        )
    return None


class Observer:
    """Observes the gradients of one tensor, which may be used several times in a step.

    Args:
        sensitivity: made with `sensitivity_options`.
    """

    def __init__(self, sensitivity: keras.Variable) -> None:
        self._sensitivity = sensitivity
        self._sum: weakref.ref[Any] | None = None  # JAX's stand-in, of the step being traced

    def observed(self, tensor: Any) -> Any:
        """The same tensor; its gradient, times its value, joins `sensitivity` as it passes."""
        of_backend = {"tensorflow": self._by_gradient, "torch": self._by_hook, "jax": self._by_sum}
        return of_backend[keras.backend.backend()](tensor)

    def _by_gradient(self, tensor: Any) -> Any:
        def passed_on(x: Any) -> Any:
            def gradient(arrived: Any) -> Any:
                self._add(_product(x, sum_over_replicas(ops.cast(arrived, "float32"))))
                return arrived

            return x, gradient

        return ops.custom_gradient(passed_on)(tensor)

    def _by_hook(self, tensor: Any) -> Any:
        import torch

        if not torch.is_grad_enabled():
            return tensor
        if not tensor.requires_grad:  # that of a frozen layer
            tensor = tensor.detach().requires_grad_(True)
        value = tensor.detach()

        def add(arrived: Any) -> None:
            with torch.no_grad():
                self._add(_product(value, arrived))

        tensor.register_hook(add)
        return tensor

    def _by_sum(self, tensor: Any) -> Any:
        before = ops.convert_to_tensor(self._sensitivity)
        # Gradients of all uses are added, and the sum so far is to be in there once.
        is_first = self._sum is None or self._sum() is not before
        self._sum = weakref.ref(before)

        def passed_on(x: Any, sum_before: Any) -> Any:
            def gradient(arrived: Any) -> Any:
                product = _product(x, arrived)
                return arrived, sum_before + product if is_first else product

            return x, gradient

        return ops.custom_gradient(passed_on)(tensor, before)

    def _add(self, product: Any) -> None:
        self._sensitivity.assign_add(product)


def _product(values: Any, gradient: Any) -> Any:
    """|x * dL/dx|, float32; 0 where it is not finite."""
    product = ops.abs(ops.cast(gradient, "float32") * ops.cast(values, "float32"))
    return ops.where(ops.isfinite(product), product, ops.zeros_like(product))
