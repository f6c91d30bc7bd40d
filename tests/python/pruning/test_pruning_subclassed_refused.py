# SPDX-License-Identifier: Apache-2.0
"""Subclassed models that cannot be copied, and what the error says."""

from __future__ import annotations

import keras
import pytest
from keras import layers
from subclassed_models import ONE_SHOT, batch, called

import ubp


class WithDense(keras.Model):
    """Base of the classes that are refused."""

    def __init__(self, *args, **kwargs):
        super().__init__()
        self.dense = layers.Dense(8, name="inside")
        self.last = layers.Dense(5)

    def call(self, x):
        return self.last(self.dense(layers.Flatten()(x)))


class TakesALayer(WithDense):
    def __init__(self, dense):
        super().__init__()
        self.dense = dense


class HasADefault(WithDense):
    def __init__(self, factor=1.0):  # of which Keras records the default, whatever is passed
        super().__init__()


class ForgetsAnArgument(WithDense):
    def __init__(self, units):
        super().__init__()

    def get_config(self):
        return {}


class HasASet(WithDense):
    def __init__(self):
        super().__init__()
        self.extra = {layers.ReLU()}


class HasALambda(WithDense):
    def __init__(self):
        super().__init__()
        dense = self.dense
        self.project = lambda x: dense(x)

    def call(self, x):
        return self.last(self.project(layers.Flatten()(x)))


class NeverCallsOne(WithDense):
    def __init__(self):
        super().__init__()
        self.auxiliary = layers.Dense(8, name="auxiliary")


def grown():
    """A model that got another layer before it was built."""
    model = WithDense()
    model.more = [layers.Dense(4, name="more")]
    model.more[0].build((None, 4))
    return called(model)


class DropsOne(WithDense):
    def __init__(self, use_extra=True):
        super().__init__()
        if use_extra:
            self.extra = layers.Dense(8)

    def get_config(self):
        return {}  # without use_extra


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: called(TakesALayer(layers.Dense(8))), TypeError,
         r"model 'takes_a_layer.*' .TakesALayer. cannot be copied, because Keras has not "
         r"recorded the arguments it was made with; let get_config\(\) return the arguments "
         r"of TakesALayer\(\), "
         r"or for pruning, wrap the layers where they are made, as in self\.conv = ubp\.prune\("),
        (lambda: called(HasADefault(2.0)), TypeError, "Keras has not recorded the arguments"),
        (lambda: called(ForgetsAnArgument(8)), TypeError,
         r"from_config\(\) fails .*returns;.*missing 1.*'units'$"),
        (lambda: called(HasASet()), TypeError, r"self\.extra holds layers in a set.*use a list"),
        (lambda: called(NeverCallsOne()), ValueError,
         r"prune: layer 'auxiliary' .Dense. of model 'never.*' is not built; call the model on a"),
        (grown, TypeError, r"self\.more\[0\] is set neither in __init__\(\) nor in build\(\); set"),
        (lambda: called(DropsOne(False)), TypeError,
         r"made anew from its configuration it also has self\.extra; let get_config\(\) return"),
        (WithDense, ValueError, "'with_dense.*' .WithDense. is not built; call it on a batch"),
    ],
)  # fmt: skip
def test_models_that_cannot_be_copied_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        ubp.prune(make(), ONE_SHOT)


def test_layers_reached_by_other_means_than_attributes_are_noticed():
    pruned = ubp.prune(called(HasALambda()), ONE_SHOT)
    with pytest.raises(RuntimeError, match=r"self\.dense of model 'has.*was replaced.*lambda"):
        pruned(batch())
