# SPDX-License-Identifier: Apache-2.0
"""The layers of a model, whatever it is made of: graphs and containers, nested at will.

graph       a functional or built Sequential model, whose layers Keras lists itself
container   a layer or model of a user's own class that holds other layers in attributes: its
            class derives directly from keras.layers.Layer or keras.Model. Its layers are those
            among its attributes, and in lists, tuples, dicts and sets of these. No containers,
            whatever is inside, are ready-made layers of Keras, their subclasses, wrappers, and
            layers that are pruned as a whole (see prunable.py)
leaf        any other layer
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import keras
import numpy as np
import numpy.typing as npt

from ubp.arguments import shown
from ubp.pruning.layers.prunable import obstacle

AttributePath = tuple[Any, ...]  # ("blocks", 2, "main"): the layer is container.blocks[2]["main"]


class InSet(NamedTuple):
    """The step of a path from a set to an element; which element it leads to may differ."""

    number: int


def has_graph(layer: keras.Operation) -> bool:
    """Whether this is a model whose graph of layers Keras knows: functional or built Sequential."""
    return isinstance(layer, keras.Model) and hasattr(layer, "inputs")


def is_container(layer: keras.Operation) -> bool:
    """Whether this is a layer or model of a user's own class that holds layers in attributes."""
    if not isinstance(layer, keras.layers.Layer) or obstacle(layer) is None:
        return False
    for base in type(layer).__mro__:
        if base.__module__.startswith("keras.") and base not in keras.Model.__mro__:
            return False
    return bool(held_layers(layer))


def iterate_layers(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """The layers of a model, each once, those of nested models and containers in place of these.

    Functional and Sequential models list them in the order of the graph, containers in the
    order of their attributes.
    """
    return _iterate_once(model, set())


def leaves(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    """The layers in a model or container; any other layer is its own only leaf."""
    return list(iterate_layers(layer)) if has_graph(layer) or is_container(layer) else [layer]


def check_graph(model: keras.Model, caller: str) -> None:
    """Refuse all but functional and built Sequential models; `caller` is named in the message.

    Raises:
        TypeError: if `model` is not a Keras 3 model, or a subclassed one.
        ValueError: if it is a Sequential model that is not built.
    """
    _check_kind(model, caller)
    if not has_graph(model):
        raise TypeError(
            f"{caller}: the model '{model.name}' is a subclassed model ({type(model).__name__}), "
            "whose graph of layers Keras does not know; expected a functional or Sequential "
            "model, such as keras.Model(inputs, outputs)."
        )


def check_copyable(model: keras.Model, caller: str) -> None:
    """Refuse what is no Keras 3 model, or not built; `caller` is named in the message.

    Whether a subclassed model can be copied is seen when `copy_model` tries.

    Raises:
        TypeError: if `model` is not a Keras 3 model.
        ValueError: if the model is not built, or a layer that a subclassed model holds.
    """
    _check_kind(model, caller)
    if not has_graph(model) and not model.built:
        raise ValueError(
            f"{caller}: the subclassed model '{model.name}' ({type(model).__name__}) is not built; "
            "call it on a batch first."
        )
    for layer in iterate_layers(model):
        if not layer.built:
            raise ValueError(
                f"{caller}: layer '{layer.name}' ({type(layer).__name__}) of model '{model.name}' "
                "is not built; call the model on a batch first, in a way that uses this layer, or "
                "remove it."
            )


def check_fit(model: keras.Model, inputs: Any, name: str) -> None:
    """Refuse what is not one array of numbers for each input of the model, of its shape.

    Args:
        model: one that has a graph.
        inputs: in the structure that it takes.
        name: of the argument, for messages.

    Raises:
        ValueError: saying what was found.
    """
    given = [np.asarray(each) for each in keras.tree.flatten(inputs)]
    wanted = [tensor.shape for tensor in model.inputs]
    if not all(each.dtype.kind in "biuf" for each in given):
        raise ValueError(f"{name} is {shown(inputs)}; expected arrays of numbers.")
    fit = len(given) == len(wanted) and all(map(_fits, given, wanted))
    if not fit:
        shapes = ", ".join(str(each.shape) for each in given)
        raise ValueError(
            f"{name} has arrays of shape {shapes or 'none'}; the model takes "
            f"{', '.join(map(str, wanted))}."
        )


def held_layers(container: keras.layers.Layer) -> dict[AttributePath, keras.layers.Layer]:
    """The layers in the attributes of a container, in the order in which these were first set.

    A layer that is held twice is listed under both paths; layers inside layers are not listed.
    """
    held: dict[AttributePath, keras.layers.Layer] = {}
    for name, value in _attributes(container).items():
        if name not in _attributes_of_keras():
            held.update(_flatten(value, (name,)))
    return held


def set_attribute(container: keras.layers.Layer, name: str, value: Any) -> None:
    """Set an attribute, which may hold a layer now and not any more then, or the reverse."""
    if keras.backend.backend() == "torch" and hasattr(container, name):
        delattr(container, name)  # modules of torch take nothing else in a module's place
    setattr(container, name, value)


def with_layers(
    value: Any, path: AttributePath, layers: Mapping[AttributePath, keras.layers.Layer]
) -> Any:
    """The attribute value at a path, with other layers in the same structure.

    Args:
        value: a layer, a list, tuple or dict, nested at will; anything else is left as it is.
        path: where in the container it is found.
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


def own_weights(container: keras.layers.Layer) -> list[keras.Variable]:
    """The weights of a container that are not those of a layer it holds."""
    held = held_layers(container).values()
    inside = {id(weight) for layer in held for weight in layer.weights}
    return [weight for weight in container.weights if id(weight) not in inside]


def in_words(layer: keras.Operation) -> str:
    """How messages name a layer or model."""
    kind = "model" if isinstance(layer, keras.Model) else "layer"
    return f"{kind} '{layer.name}' ({type(layer).__name__})"


def path_in_words(path: AttributePath) -> str:
    """How messages name a path, as in source text: "self.blocks[2]['main']"."""
    return f"self.{path[0]}" + "".join(f"[{key!r}]" for key in path[1:])


def _iterate_once(model: keras.layers.Layer, seen: set[int]) -> Iterator[keras.layers.Layer]:
    for layer in held_layers(model).values() if is_container(model) else model.layers:
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        if has_graph(layer) or is_container(layer):
            yield from _iterate_once(layer, seen)
        else:
            yield layer


def _check_kind(model: keras.Model, caller: str) -> None:
    if any(base.__module__.startswith("tf_keras.") for base in type(model).__mro__):
        raise TypeError(
            f"{caller}: model '{model.name}' is a model of tf_keras; rebuild it in Keras 3, or "
            "prune it with tensorflow-model-optimization, whose result ubp.convert takes."
        )
    if not isinstance(model, keras.Model):
        raise TypeError(
            f"{caller}: the model is a {type(model).__module__}.{type(model).__name__}; expected a "
            "Keras 3 model (keras.Model)."
        )
    if isinstance(model, keras.Sequential) and not has_graph(model):
        raise ValueError(
            f"{caller}: the Sequential model '{model.name}' is not built; begin it with a "
            "keras.Input, or call model.build(input_shape)."
        )


def _fits(array: npt.NDArray[Any], shape: Sequence[int | None]) -> bool:
    return len(array.shape) == len(shape) and all(
        size in (None, found) for found, size in zip(array.shape, shape, strict=True)
    )


def _attributes(container: keras.layers.Layer) -> dict[str, Any]:
    """The attributes of an instance by name, in the order in which they were first set.

    Keras on torch is made of modules, which keep the modules in their attributes apart from the
    others: there the order is that of the first weights of what the attributes hold.
    """
    attributes = dict(vars(container))
    if keras.backend.backend() != "torch":
        return attributes
    modules = container.named_modules(remove_duplicate=False)
    attributes |= {name: module for name, module in modules if name and "." not in name}
    places = {id(weight): place for place, weight in enumerate(container.weights)}
    ranks: dict[str, int] = {}
    latest = -1  # what has no weight stays behind what is in front of it
    for name, value in attributes.items():
        layers = [layer for _, layer in _flatten(value, ())]
        weights = [places[id(each)] for layer in layers for each in layer.weights]
        latest = ranks[name] = min(weights, default=latest)
    return {name: attributes[name] for name in sorted(attributes, key=ranks.__getitem__)}


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
