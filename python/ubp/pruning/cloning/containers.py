# SPDX-License-Identifier: Apache-2.0
"""Copies of containers, such as subclassed models, with other layers in them (layers/walking.py).

Keras lets no layer be exchanged in a model that is built. A copy is therefore a new instance, made
by the class itself from its configuration, as when Keras loads a file:

    new_instance       not built, with the layers that __init__ makes
    exchange_layers    the copies of the original's layers in place of these, before they are built
    build_like         everything built for the input shapes that Keras recorded in the original
    copy_late_layer    the weights of a layer that build() made: it came too late to be exchanged

A layer of the copy corresponds to that of the original at the same path of attributes. In all
messages, `original` is the container that the user has, and `copy` is the new instance.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras

from ubp.pruning.layers.walking import (
    AttributePath,
    InSet,
    held_layers,
    in_words,
    is_container,
    own_weights,
    path_in_words,
    set_attribute,
    with_layers,
)

_COMMON_ARGUMENTS = {"name", "trainable", "dtype", "activity_regularizer"}  # of every Keras layer
WRAP_ADVICE = (
    "for pruning, wrap the layers where they are made, as in "
    "self.conv = ubp.prune(keras.layers.Conv2D(...), schedule)"
)


def new_instance(layer: keras.Operation, changes: Mapping[str, Any] | None = None) -> Any:
    """A new operation, layer or model of the same class and configuration, not built.

    Args:
        layer: of which to make another.
        changes: what its configuration is to have in place of the original's.

    Raises:
        TypeError: if the class does not say how to make one.
    """
    cls = type(layer)
    advice = f"let get_config() return the arguments of {cls.__name__}(), or {WRAP_ADVICE}."
    try:
        config = layer.get_config()
    except NotImplementedError:
        config = None
    if config is None or _forgets_arguments(cls):
        raise TypeError(
            f"{in_words(layer)} cannot be copied, because Keras has not recorded the arguments it "
            f"was made with; {advice}"
        )
    try:
        copy = cls.from_config(_accepted(cls, config | dict(changes or {})))
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"{in_words(layer)} cannot be copied, because {cls.__name__}.from_config() fails with "
            f"what get_config() returns; {advice} The error is: {error.__context__ or error}"
        ) from error
    _copy_settings(layer, copy)
    return copy


def exchange_layers(
    original: keras.layers.Layer,
    copy: keras.layers.Layer,
    exchange: Callable[[keras.layers.Layer, keras.layers.Layer], keras.layers.Layer],
) -> list[AttributePath]:
    """Put other layers into a copy that is not built.

    Args:
        original: a container.
        copy: from `new_instance`, or made by the __init__ of a container that is.
        exchange: (layer of the original, layer of the copy at the same path) -> what takes the
            place of the latter, possibly itself. Called for both paths of a layer held twice.

    Returns:
        The paths of late layers: those of the original that the copy does not hold yet.

    Raises:
        TypeError: if layers are held in a set, or the copy has layers that the original lacks.
    """
    _copy_settings(original, copy)
    held, made = held_layers(original), held_layers(copy)
    _check_paths(original, held, made)
    layers = {path: exchange(held[path], layer) for path, layer in made.items()}
    values = {
        name: with_layers(getattr(copy, name), (name,), layers)
        for name in dict.fromkeys(path[0] for path in made)
    }
    # Keras keeps a layer that was an attribute even when the attribute is set to something else.
    # It lets go of the layers of a list that is cleared.
    for name in values:
        set_attribute(copy, name, [layer for path, layer in made.items() if path[0] == name])
        getattr(copy, name).clear()
    for name in list(values)[:1]:  # makes Keras list the weights in the order of the original
        set_attribute(copy, name, _in_order_of_weights(original, held, layers))
    for name, value in values.items():
        set_attribute(copy, name, value)
    in_use = {id(layer) for layer in layers.values()}
    for path, layer in made.items():
        if id(layer) not in in_use:
            _retire(layer, f"{path_in_words(path)} of {in_words(copy)}")
    return [path for path in held if path not in made]


def build_like(original: keras.layers.Layer, copy: keras.layers.Layer) -> None:
    """Build a copy and all that it holds; copy the weights that belong to containers themselves.

    Raises:
        TypeError: if the copy cannot be built as the original was.
    """
    if not is_container(original):
        _build(original, copy)
        return
    default = type(copy).build is keras.layers.Layer.build
    if not default:
        _build(original, copy)
    with keras.name_scope(copy.name):
        copies = held_layers(copy)
        for path, layer in held_layers(original).items():
            if path not in copies:
                raise TypeError(
                    f"{in_words(original)} cannot be copied: {path_in_words(path)} is set neither "
                    f"in __init__() nor in build(); set it in __init__(), or {WRAP_ADVICE}."
                )
            build_like(layer, copies[path])
    if default and not copy.built:
        copy.build((original.get_build_config() or {}).get("input_shape"))
    _copy_weights(original, own_weights(original), own_weights(copy))


def copy_late_layer(
    original: keras.layers.Layer, copy: keras.layers.Layer, path: AttributePath
) -> None:
    """Give a layer that build() made in the built copy the name and weights of the original's."""
    late, late_copy = held_layers(original)[path], held_layers(copy)[path]
    late_copy.name = late.name
    _copy_weights(late, late.weights, late_copy.weights)


def _forgets_arguments(cls: Any) -> bool:
    """Whether get_config() gives default values, whatever the arguments were.

    Keras records the arguments of layers, but not those of models.
    """
    if not issubclass(cls, keras.Model) or cls.get_config is not keras.Model.get_config:
        return False
    _, *parameters = inspect.signature(cls.__init__).parameters.values()
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return any(p.kind not in variable and p.name not in _COMMON_ARGUMENTS for p in parameters)


def _accepted(cls: type, config: dict[str, Any]) -> dict[str, Any]:
    """The configuration without arguments that Keras adds and this __init__ does not take."""
    of_keras = (keras.Model.from_config.__func__, keras.layers.Layer.from_config.__func__)
    if cls.from_config.__func__ not in of_keras:  # type: ignore[attr-defined]
        return config
    parameters = inspect.signature(cls.__init__).parameters  # type: ignore[misc]
    if any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters.values()):
        return config
    refused = _COMMON_ARGUMENTS - parameters.keys()
    return {key: value for key, value in config.items() if key not in refused}


def _copy_settings(original: keras.Operation, copy: keras.Operation) -> None:
    """Name, dtypes and trainability, which are no arguments of many a user's __init__."""
    copy.name = original.name
    if not isinstance(original, keras.layers.Layer):
        return
    if copy.dtype_policy != original.dtype_policy:
        copy.dtype_policy = original.dtype_policy
    if copy.trainable != original.trainable:
        copy.trainable = original.trainable


def _check_paths(
    original: keras.layers.Layer,
    held: dict[AttributePath, keras.layers.Layer],
    made: dict[AttributePath, keras.layers.Layer],
) -> None:
    for path in (*held, *made):
        if any(isinstance(step, InSet) for step in path):
            raise TypeError(
                f"{in_words(original)} cannot be copied: self.{path[0]} holds layers in a set, "
                "where they have no order; use a list, a tuple or a dict."
            )
        if path not in held:
            raise TypeError(
                f"{in_words(original)} cannot be copied: made anew from its configuration it also "
                f"has {path_in_words(path)}; let get_config() return the arguments that make it as "
                f"it is, or {WRAP_ADVICE}."
            )


def _in_order_of_weights(
    original: keras.layers.Layer,
    held: dict[AttributePath, keras.layers.Layer],
    layers: dict[AttributePath, keras.layers.Layer],
) -> list[keras.layers.Layer]:
    """The layers in the order in which `original.weights` lists the weights of those held.

    One without weights comes right after the one before it.
    """
    index = {id(weight): number for number, weight in enumerate(original.weights)}
    order: dict[AttributePath, int] = {}
    latest = 0
    for path in layers:
        weights = held[path].weights
        latest = index[id(weights[0])] if weights else latest
        order[path] = latest
    return [layers[path] for path in sorted(layers, key=order.__getitem__)]


def _retire(layer: keras.layers.Layer, place: str) -> None:
    """Make calls of a layer that was exchanged fail, which would see random weights."""

    def call(*_: Any, **__: Any) -> None:
        raise RuntimeError(
            f"{place} was replaced in this copy of the model, but the layer that was there is "
            "still called by other means, such as a lambda that __init__() made; let call() use "
            "the attribute."
        )

    layer.call = call


def _build(original: keras.layers.Layer, copy: keras.layers.Layer) -> None:
    config = original.get_build_config()
    if not copy.built and config is not None:
        if type(copy).build_from_config is keras.Model.build_from_config:
            # That method runs call() on float32 inputs, and goes on where this or build() fails.
            keras.layers.Layer.build_from_config(copy, config)
        else:
            copy.build_from_config(config)
    if original.built and not copy.built:
        raise TypeError(
            f"{in_words(original)} cannot be copied: its weights are made in call(); make them in "
            "build()."
        )


def _copy_weights(
    original: keras.layers.Layer,
    weights: Sequence[keras.Variable],
    copies: Sequence[keras.Variable],
) -> None:
    expected = [(tuple(weight.shape), weight.dtype) for weight in weights]
    found = [(tuple(weight.shape), weight.dtype) for weight in copies]
    if found != expected:
        raise TypeError(
            f"{in_words(original)} cannot be copied: made anew from its configuration it has "
            f"weights {found} of its own, but the original has {expected}; let get_config() return "
            "the arguments that make it as it is, and make all weights in __init__() or build()."
        )
    for weight, copy in zip(weights, copies, strict=True):
        copy.assign(weight)
