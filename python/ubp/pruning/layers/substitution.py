# SPDX-License-Identifier: Apache-2.0
"""Calls of a layer with other values in place of some of its weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras

Values = Sequence[
    tuple[keras.Variable, Any]
]  # weights, and tensors that a call sees in their place


def call_with(
    layer: keras.layers.Layer, values: Values, inputs: Any, add_loss: Callable[[Any], None]
) -> Any:
    """The outputs of a layer that sees other values of its weights.

    Gradients reach the weights through the values. What the call assigns to weights, such as
    statistics and random states, is assigned.

    Args:
        layer: a built layer.
        values: of all its variables: a scope hides the values that an outer scope gives them.
        inputs: what it is called on.
        add_loss: takes the losses that the call adds, which the scope would swallow.
    """
    with keras.StatelessScope(
        state_mapping=list(values), collect_losses=True, initialize_variables=False
    ) as scope:
        # The scope's own values: under mixed precision, those given in 16 bits.
        before = [(variable, scope.get_current_value(variable)) for variable, _ in values]
        outputs = layer(inputs)
    for loss in scope.losses:  # activity regularisation
        add_loss(loss)
    for variable, value in before:
        updated = scope.get_current_value(variable)
        if updated is not value:
            variable.assign(updated)
    return outputs
