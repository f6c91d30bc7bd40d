"""Holders: layers and models of a user's own class that hold other layers in attributes.

A holder's class derives directly from keras.layers.Layer or keras.Model. Its layers are those among
its attributes, and in lists, tuples, dicts and sets of these. No holders, whatever is inside, are
ready-made layers of Keras, their subclasses, wrappers, and layers that are pruned as a whole (see
prunable.py); nor are functional and Sequential models, whose layers Keras lists itself.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

import keras

from ubp.pruning.prunable import obstacle

AttributePath = tuple[Any, ...]  # ("blocks", 2, "main"): the layer is holder.blocks[2]["main"]


class InSet(NamedTuple):
    """The step of a path from a set to an element; which element it leads to may differ."""

    number: int


def is_holder(layer: keras.Operation) -> bool:
    """Whether this is a layer or model of a user's own class that holds layers in attributes."""
    if not isinstance(layer, keras.layers.Layer) or obstacle(layer) is None:
        return False
    for base in type(layer).__mro__:
        if base.__module__.startswith("keras.") and base not in keras.Model.__mro__:
            return False
    return bool(held_layers(layer))


def held_layers(holder: keras.layers.Layer) -> dict[AttributePath, keras.layers.Layer]:
    """The layers in the attributes of a holder, in the order in which these were first set.

    A layer that is held twice is listed under both paths; layers inside layers are not listed.
    """
    held: dict[AttributePath, keras.layers.Layer] = {}
    for name, value in vars(holder).items():
        if name not in _attributes_of_keras():
            held.update(_flatten(value, (name,)))
    return held


def with_layers(
    value: Any, path: AttributePath, layers: Mapping[AttributePath, keras.layers.Layer]
) -> Any:
    """The attribute value at a path, with other layers in the same structure.

    Args:
        value: a layer, a list, tuple or dict, nested at will; anything else is left as it is.
        path: where in the holder it is found.
        layers: for each layer in `value`, by its path, the one to put there.
    """
    if isinstance(value, keras.layers.Layer):
        return layers[path]
    items = {key: with_layers(item, (*path, key), layers) for key, item in _items(value)}
    if isinstance(value, dict):
        return OrderedDict(items) if isinstance(value, OrderedDict) else items
    if isinstance(value, list):
        return list(items.values())
    if isinstance(value, tuple):
        named = hasattr(value, "_make")
        return value._make(items.values()) if named else tuple(items.values())  # type: ignore[attr-defined]
    return value


def own_weights(holder: keras.layers.Layer) -> list[keras.Variable]:
    """The weights of a holder that are not those of a layer it holds."""
    held = held_layers(holder).values()
    inside = {id(weight) for layer in held for weight in layer.weights}
    return [weight for weight in holder.weights if id(weight) not in inside]


def in_words(layer: keras.Operation) -> str:
    """How messages name a layer or model."""
    kind = "model" if isinstance(layer, keras.Model) else "layer"
    return f"{kind} '{layer.name}' ({type(layer).__name__})"


def path_in_words(path: AttributePath) -> str:
    """How messages name a path, as in source text: "self.blocks[2]['main']"."""
    return f"self.{path[0]}" + "".join(f"[{key!r}]" for key in path[1:])


@cache
def _attributes_of_keras() -> frozenset[str]:
    """The attributes that Keras and TensorFlow give every model that holds a layer."""
    reference = keras.Model(name="reference")
    reference.held = keras.layers.Identity(name="held")
    return frozenset(vars(reference)) - {"held"}


def _flatten(value: Any, path: AttributePath) -> Iterator[tuple[AttributePath, keras.layers.Layer]]:
    if isinstance(value, keras.layers.Layer):
        yield path, value
    else:
        for key, item in _items(value):
            yield from _flatten(item, (*path, key))


def _items(value: Any) -> list[tuple[Any, Any]]:
    """The keys and items of a container."""
    if isinstance(value, dict):
        return list(value.items())
    if isinstance(value, list | tuple):
        return list(enumerate(value))
    if isinstance(value, set):
        return [(InSet(number), item) for number, item in enumerate(value)]
    return []
