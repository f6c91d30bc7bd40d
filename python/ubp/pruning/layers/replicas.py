# SPDX-License-Identifier: Apache-2.0
"""The one place that knows of `tf.distribute`: replicas of a model, each with a part of a batch.

Masks are chosen outside of replicas, from values that all replicas share, and assigned to all.
Keras on JAX has one copy of each variable, spread over the devices of `keras.distribution`, and
needs nothing of this.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import keras


def replicas_of(model: keras.Model) -> AbstractContextManager[Any]:
    """A scope in which new variables have a copy for every replica of the model.

    Of a model that was not made in the scope of a strategy it changes nothing.
    """
    if keras.backend.backend() != "tensorflow":
        return nullcontext()
    scope: AbstractContextManager[Any] = model.distribute_strategy.scope()
    return scope


def sum_over_replicas(gradient: Any) -> Any:
    """The gradient of a whole batch's loss, from that of a replica's part; a tensor of any shape.

    Called by the code of each replica, of TensorFlow alone. Keras scales losses so that the sum is
    what one replica would find for the whole batch.
    """
    import tensorflow as tf

    replica = tf.distribute.get_replica_context()
    if replica is None or replica.num_replicas_in_sync == 1:
        return gradient
    return replica.all_reduce(tf.distribute.ReduceOp.SUM, gradient)
