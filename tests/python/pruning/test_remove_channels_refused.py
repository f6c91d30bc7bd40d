# SPDX-License-Identifier: Apache-2.0
"""What keeps its channels, and what is refused, each with a reason that names the culprit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops
from permutation_models import build, conv
from pruning_models import functional_model
from removal_models import removed_from

import ubp
from ubp.pruning import removal
from ubp.pruning.removal import shrink as shrink_module


def two(x: Any) -> Any:
    return layers.Dense(3, name="end")(layers.Flatten()(conv(12, name="made")(x)))


@pytest.mark.parametrize(
    ("between", "reason"),
    [
        (layers.LayerNormalization(name="norm"), "'norm' .*normalises all channels together"),
        (layers.Softmax(name="soft"), "'soft' .*compares all channels"),
        (layers.Activation("log_softmax", name="soft"), "'soft' .*softmax compares all"),
        (lambda x: ops.softmax(x), "Softmax.*compares all channels"),
        (layers.Dense(12, activation="softmax", name="soft"), "'soft' .*softmax compares"),
        (layers.Dropout(0.1, noise_shape=(None, 1, 1, 12), name="d"), "'d' .*noise_shape"),
        (layers.GroupNormalization(3, name="groups"), "'groups' .*kind are not followed"),
        (layers.Conv2D(12, 3, groups=4, name="grouped"), "'grouped' .*convolution of 4 groups"),
        (lambda x: x * np.arange(12.0), "one of its operands is an array"),
    ],
)
def test_channels_that_something_looks_at_together_stay(
    between: Callable[[Any], Any], reason: str
) -> None:
    def body(x: Any) -> Any:
        x = conv(12, name="before")(conv(12, name="first")(x))
        return layers.Dense(3)(layers.GlobalAveragePooling2D()(between(x)))

    model = build(body)
    producer = "soft" if isinstance(between, layers.Dense) else "before"
    with pytest.raises(
        ValueError, match=rf"keep\['{producer}'\]: these channels cannot .*{reason}"
    ):
        ubp.remove_channels(model, keep={producer: 6})
    report = ubp.remove_channels(model, 0.5).report
    assert removed_from(report, "first").removed == 6
    assert removed_from(report, producer).removed == 0


def test_softmax_over_positions_compares_no_channels() -> None:
    def body(x: Any) -> Any:
        x = layers.Softmax(axis=1)(conv(12, name="made")(x))
        return layers.Dense(3)(layers.GlobalAveragePooling2D()(x))

    assert removed_from(ubp.remove_channels(build(body), 0.5).report, "made").removed == 6


def test_one_reshape_for_several_tensors() -> None:
    def body(x: Any) -> Any:
        reshape = layers.Reshape((64, 12), name="reshape")
        x = [layers.Dense(4)(reshape(conv(12, name=name)(x))) for name in ("a", "b")]
        return layers.Dense(3)(layers.Flatten()(layers.Add()(x)))

    with pytest.raises(ValueError, match=r"'a'.*'reshape' \(Reshape\): it is called 2 times"):
        ubp.remove_channels(build(body), keep={"a": 6})


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "neither share nor keep is given"),
        ({"share": 0.0}, "share is 0.0; expected a number above 0, below 1"),
        ({"share": 1}, "share is 1; expected a number above 0, below 1"),
        ({"share": 0.5, "scope": "layer"}, "scope is 'layer'; expected one of group, global"),
        ({"share": 0.5, "multiple": 0}, "multiple is 0; expected a whole number"),
        ({"share": 0.5, "importance": "size"}, "importance is 'size'; expected one of magnitude"),
        ({"share": 0.5, "importance": lambda _: [1.0]}, "importance gives .*expected 12 numbers"),
        ({"share": 0.5, "importance": lambda _: -np.ones(12)}, "negative or not finite"),
        ({"keep": {"nothing": 3}}, r"keep\['nothing'\] names no layer .* are made, end"),
        ({"keep": {"made": 0}}, r"keep\['made'\] is 0; expected 1 to 12"),
        ({"keep": {"made": 13}}, r"keep\['made'\] is 13; expected 1 to 12"),
        ({"keep": {"made": []}}, r"keep\['made'\] is \[\]; expected the numbers of channels"),
        ({"keep": {"made": [1, 1]}}, r"is \[1, 1\]; expected different numbers from 0 to 11"),
        ({"keep": {"made": [12]}}, r"is \[12\]; expected different numbers from 0 to 11"),
        ({"keep": {"made": np.ones(12, bool)}}, "expected the numbers of channels to keep"),
        ({"keep": {"end": 2}}, "cannot be fewer: the model's output 'end'. Take it out"),
        ({"share": 0.5, "check_inputs": np.ones((1, 4))}, "check_inputs has arrays of shape"),
    ],
)
def test_impossible_arguments(options: dict[str, Any], expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        ubp.remove_channels(build(two), **options)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"keep": [48]}, r"keep is \[48\]; expected a mapping"),
        ({"keep": {"made": 0.5}}, r"keep\['made'\] is 0.5; expected how many channels"),
        ({"keep": {"made": "half"}}, "expected how many channels to keep, a list of these, or"),
        ({"share": 0.5, "importance": 3}, "importance is 3; expected 'magnitude' or a callable"),
    ],
)
def test_arguments_of_the_wrong_kind(options: dict[str, Any], expected: str) -> None:
    with pytest.raises(TypeError, match=expected):
        ubp.remove_channels(build(two), **options)


def test_nothing_to_remove() -> None:
    model = build(lambda x: conv(12, name="only")(x))
    with pytest.raises(ValueError, match=r"no group .* can shrink: 'only' \(the model's output"):
        ubp.remove_channels(model, 0.5)


def test_models_whose_graph_is_not_known_or_that_are_pruned() -> None:
    class Own(keras.Model):
        pass

    with pytest.raises(TypeError, match=r"remove_channels: the model .* subclassed model"):
        ubp.remove_channels(Own(), 0.5)
    pruned = ubp.prune(functional_model(), ubp.ConstantSparsity(0.5))
    with pytest.raises(ValueError, match=r"channel_groups: model 'residual' is already pruned"):
        ubp.channel_groups(pruned)
    with pytest.raises(KeyError, match="'none' names the output channels of 0 groups"):
        ubp.channel_groups(functional_model())["none"]


@pytest.mark.parametrize("layer", ["norm", "conv_3x3", "depthwise", "branch_1x1", "hidden"])
def test_a_mistake_is_noticed(monkeypatch: pytest.MonkeyPatch, layer: str) -> None:
    """Another choice of channels in one layer is no function of the model."""
    right = shrink_module._weights

    def forget(flow: Any, kept: Any) -> Any:
        weights = right(flow, kept)
        for axis in flow.axes:
            if axis.layer.name == layer:
                values = weights[id(axis.layer)]
                values[axis.weight] = np.flip(values[axis.weight], axis=axis.axis)
        return weights

    monkeypatch.setattr(shrink_module, "_weights", forget)
    with pytest.raises(RuntimeError, match=f"remove_channels: layer '{layer}' .* differs from"):
        ubp.remove_channels(functional_model(), 0.3)


def test_public_names() -> None:
    assert {"channel_groups", "remove_channels"} <= set(ubp.__all__) & set(removal.__all__)
