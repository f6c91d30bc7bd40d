"""Walking and copying Keras models: functional, Sequential and subclassed ones, nested at will."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras

from ubp.pruning.holders import AttributePath, held_layers, in_words, is_holder
from ubp.pruning.subclassed import (
    WRAP_ADVICE,
    build_like,
    copy_late_layer,
    exchange_layers,
    new_instance,
)


def is_copyable(layer: keras.Operation) -> bool:
    """Whether this is a model whose graph of layers Keras knows: functional or built Sequential."""
    return isinstance(layer, keras.Model) and hasattr(layer, "inputs")


def check_graph(model: keras.Model, caller: str) -> None:
    """Refuse all but functional and built Sequential models; `caller` is named in the message.

    Raises:
        TypeError: if `model` is not a Keras 3 model, or a subclassed one.
        ValueError: if it is a Sequential model that is not built.
    """
    _check_kind(model, caller)
    if not is_copyable(model):
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
    if not is_copyable(model) and not model.built:
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
    if isinstance(model, keras.Sequential) and not is_copyable(model):
        raise ValueError(
            f"{caller}: the Sequential model '{model.name}' is not built; begin it with a "
            "keras.Input, or call model.build(input_shape)."
        )


def iterate_layers(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """The layers of a model, each once, those of nested models and holders in place of these.

    Functional and Sequential models list them in the order of the graph, holders (subclassed models
    and layers that hold layers, see `ubp.pruning.holders`) in the order of their attributes.
    """
    return _iterate_once(model, set())


def _iterate_once(model: keras.layers.Layer, seen: set[int]) -> Iterator[keras.layers.Layer]:
    for layer in held_layers(model).values() if is_holder(model) else model.layers:
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        if is_copyable(layer) or is_holder(layer):
            yield from _iterate_once(layer, seen)
        else:
            yield layer


def _leaves(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    """The layers in a model or holder; any other layer is its own only leaf."""
    return list(iterate_layers(layer)) if is_copyable(layer) or is_holder(layer) else [layer]


def copy_layer(layer: keras.Operation) -> keras.Operation:
    """A new layer of the same configuration, not built.

    Raises:
        TypeError: if the layer's class does not say how to make one.
    """
    return new_instance(layer)


def set_weights(layer: keras.layers.Layer, weights: Sequence[Any]) -> None:
    """`layer.set_weights(weights)`, for Normalization layers, too.

    These compute with numbers that they derive from their weights once, when they are loaded.
    """
    layer.set_weights(weights)
    for inner in _leaves(layer):
        if isinstance(inner, keras.layers.Normalization):
            inner.finalize_state()


def copy_model(
    model: keras.Model,
    replace: Callable[[keras.Operation], keras.Operation],
    *,
    enter_holders: bool = True,
) -> keras.Model:
    """A model of the same structure, names and compilation, made of new layers with new weights.

    The original is not touched. `replace` is called once for every layer that `iterate_layers`
    lists, and returns the layer that takes its place. Subclasses of functional and Sequential
    models become plain ones, which is warned of. The optimizer is new; its state is not copied.
    Weights are left to the caller, except those that holders have besides their layers.

    Args:
        model: a model that passes `check_copyable`.
        replace: layer -> new layer; `copy_layer` makes an ordinary copy. It is also given the
            operations of a functional graph that are not layers, such as additions.
        enter_holders: if not, layers that hold layers are given to `replace` as a whole.

    Raises:
        TypeError: if the class of a subclassed model, or of a layer that holds layers, does not
            allow a copy, or makes a layer in build() that `replace` does not merely copy.
    """
    copy = _Copier(replace, enter_holders).copy(model)
    if type(copy) is not type(model):
        warnings.warn(
            f"The copy of model '{model.name}' is a plain {type(copy).__name__} model, without the "
            f"methods of {type(model).__name__}.",
            stacklevel=3,
        )
    if model.compiled:
        _copy_compilation(model, copy)
    return copy


class _Copier:
    """Copies each layer once, so that shared layers stay shared."""

    def __init__(
        self, replace: Callable[[keras.Operation], keras.Operation], enter_holders: bool
    ) -> None:
        self._replace = replace
        self._enter_holders = enter_holders
        self._copies: dict[int, keras.Operation] = {}  # by the id of the original
        self._late: list[tuple[keras.layers.Layer, keras.layers.Layer, AttributePath]] = []

    def copy(self, layer: keras.Operation) -> keras.Operation:
        """The copy of a layer or model; a holder's is built, a layer's is not."""
        if id(layer) not in self._copies:
            if is_copyable(layer):
                self._copies[id(layer)] = self._copy_graph(layer)
            elif self._enters(layer):
                self._copy_holder(layer)
            else:
                self._copies[id(layer)] = self._replace(layer)
        return self._copies[id(layer)]

    def _enters(self, layer: keras.Operation) -> bool:
        return self._enter_holders and is_holder(layer)

    def _copy_graph(self, model: keras.Model) -> keras.Model:
        if isinstance(model, keras.Sequential):
            (given,) = model.inputs
            entry = keras.Input(batch_shape=given.shape, dtype=given.dtype, name=given.name)
            copy = keras.Sequential([entry, *map(self.copy, model.layers)], name=model.name)
        else:
            # A second model over the same graph: clone_model would also copy the compilation, and
            # fail where Keras cannot.
            graph = keras.Model(model.input, model.output, name=model.name)
            copy = keras.models.clone_model(graph, clone_function=self.copy)
        if not model.trainable:
            copy.trainable = False
        return copy

    def _copy_holder(self, holder: keras.layers.Layer) -> None:
        outer, self._late = self._late, []  # a holder's graph may hold holders
        copy = new_instance(holder)
        self._fill(holder, copy)
        build_like(holder, copy)
        for original, instance, path in self._late:
            if id(held_layers(original)[path]) not in self._copies:
                copy_late_layer(original, instance, path)
        self._late = outer

    def _fill(self, holder: keras.layers.Layer, copy: keras.layers.Layer) -> None:
        self._copies[id(holder)] = copy
        for path in exchange_layers(holder, copy, self._exchange):
            self._late.append((holder, copy, path))
            self._check_late(holder, held_layers(holder)[path])

    def _exchange(self, layer: keras.layers.Layer, made: keras.layers.Layer) -> keras.layers.Layer:
        """The copy of a layer; `made` is what its holder's __init__ made in its place."""
        if id(layer) not in self._copies and self._enters(layer):
            self._fill(layer, made if type(made) is type(layer) else new_instance(layer))
        return self.copy(layer)

    def _check_late(self, holder: keras.layers.Layer, late: keras.layers.Layer) -> None:
        """See to it that `replace` wants but a copy of what build() makes."""
        for layer in _leaves(late):
            if id(layer) in self._copies:
                continue
            wanted = self._replace(layer)
            if type(wanted) is not type(layer):
                raise TypeError(
                    f"{in_words(layer)} cannot be replaced by a {type(wanted).__name__}, because "
                    f"it is not made in __init__() of {in_words(holder)}; make it there, or leave "
                    f"it out with layers=[...], or {WRAP_ADVICE}."
                )
            build_like(layer, wanted)  # the caller sets its weights, as those of all copies


def _copy_compilation(model: keras.Model, copy: keras.Model) -> None:
    try:
        copy.compile_from_config(model.get_compile_config())
    except (NotImplementedError, TypeError, ValueError) as error:
        warnings.warn(
            f"The copy of model '{model.name}' is not compiled, because Keras cannot copy the "
            "optimizer, loss or metrics of the original; call compile() on it, or register them "
            f"with keras.saving.register_keras_serializable. Keras says: {error}",
            stacklevel=4,
        )
