# SPDX-License-Identifier: Apache-2.0
"""Permuted channels of shared layers, nested models, several inputs and several outputs."""

from __future__ import annotations

import keras
import pytest
from keras import layers
from permutation_models import (
    assert_permuted,
    block,
    build,
    conv,
    group_of,
    permute,
    randomise,
)


def test_shared_layer_joins_what_it_is_given():
    def body(x):
        shared = conv(8, 3, name="shared")
        x = layers.Concatenate()([shared(conv(12, name=n)(x)) for n in ("a", "b")])
        return layers.Dense(3)(layers.GlobalAveragePooling2D()(x))

    chosen = ["a", "b", "shared"]
    assert_permuted(build(body), {"a", "b"}, {"shared"}, layers=chosen)


def test_recurrent_use_of_a_layer_joins_input_and_output():
    def body(x):
        x, again = conv(8, name="first")(x), conv(8, 3, name="again")
        return layers.Dense(3)(layers.GlobalAveragePooling2D()(again(again(x))))

    assert_permuted(build(body), {"first", "again"}, layers=["first", "again"])


def test_outputs_and_inputs_stay_in_their_order():
    first, second = keras.Input((8, 8, 12), name="first"), keras.Input((6,), name="second")
    x = layers.Add()([conv(12, 3, name="on_input")(first), first])
    hidden = layers.Dense(12, name="hidden")(second)
    gated = x * layers.Reshape((1, 1, 12))(layers.Dense(12, name="gate")(hidden))
    inner = conv(16, name="inner")(gated)
    outputs = {"map": conv(4, name="map")(inner), "hidden": hidden}
    model = randomise(keras.Model({"first": first, "second": second}, outputs))
    chosen = ["on_input", "hidden", "gate", "inner", "map"]
    result = assert_permuted(model, {"inner"}, layers=chosen)
    assert group_of(result.report, "on_input").reasons == ("the model's input 'first'",)
    assert group_of(result.report, "on_input").producers == ("on_input", "gate")
    for name in ("map", "hidden"):
        assert group_of(result.report, name).reasons[0].startswith("the model's output '")


def test_nested_models_are_followed():
    inner = keras.Input((8, 8, 12))
    body = keras.Model(inner, block(conv(16, name="inner")(inner), 20, "end"), name="body")
    head = keras.Sequential([layers.Dense(8, name="dense"), layers.ReLU()], name="head")

    def outer(x):
        x = body(conv(12, name="stem")(x))
        return layers.Dense(3)(head(layers.GlobalAveragePooling2D()(x)))

    model = build(outer)
    result = assert_permuted(
        model, {"stem"}, {"inner"}, {"end"}, {"dense"}, layers=["stem", "inner", "end", "dense"]
    )
    assert [layer.name for layer in result.model.layers] == [layer.name for layer in model.layers]


def test_shared_nested_model_joins_what_it_is_given():
    inner = keras.Input((8, 8, 12))
    tower = keras.Model(inner, conv(16, 3, name="tower")(inner))

    def body(x):
        x = layers.Concatenate()([tower(conv(12, name=n)(x)) for n in ("a", "b")])
        return layers.Dense(3)(layers.GlobalAveragePooling2D()(x))

    assert_permuted(build(body), {"a", "b"}, {"tower"}, layers=["a", "b", "tower"])


def test_nested_model_with_named_inputs():
    named = {name: keras.Input((8, 8, 12), name=name) for name in ("q", "p")}
    joined = layers.Concatenate()([named["q"], named["p"]])
    inner = keras.Model(named, conv(16, name="inner")(joined))

    def body(x):
        x = inner({name: conv(12, name=f"to_{name}")(x) for name in ("p", "q")})
        return layers.Dense(3)(layers.GlobalAveragePooling2D()(x))

    chosen = ["to_p", "to_q", "inner"]
    assert_permuted(build(body), *({name} for name in chosen), layers=chosen)


def test_nested_model_that_is_given_other_ranks_is_refused():
    inner = keras.Input((16, 1))
    nested = keras.Model(inner, layers.Dense(8)(inner), name="nested")
    model = build(lambda x: nested(layers.Dense(16, name="wide")(x)), shape=(4,))
    with pytest.raises(ValueError, match=r"'nested' .* is called on .*None, 16.* was made for"):
        permute(model, layers=["wide"])
