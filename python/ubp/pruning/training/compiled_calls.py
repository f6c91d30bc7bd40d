# SPDX-License-Identifier: Apache-2.0
"""Calls that a backend of Keras compiles: their Python code runs once, not for every batch."""

from __future__ import annotations

from typing import Any

import keras


def compiler_of(tensor: Any) -> str | None:
    """What compiles the call that works on a tensor now, in words; None if nothing does.

    Args:
        tensor: of Keras's backend.
    """
    match keras.backend.backend():
        case "tensorflow":
            import tensorflow as tf

            return "tf.function" if tf.inside_function() else None
        case "jax":
            import jax

            return "function of jax.jit" if isinstance(tensor, jax.core.Tracer) else None
        case "torch":
            import torch

            return "function of torch.compile" if torch.compiler.is_compiling() else None
        case _:
            return None
