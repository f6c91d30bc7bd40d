# SPDX-License-Identifier: Apache-2.0
"""Copies of Keras models: functional, Sequential and subclassed ones, nested at will."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import keras

from ubp.pruning.cloning.containers import (
    WRAP_ADVICE,
    build_like,
    copy_late_layer,
    exchange_layers,
    new_instance,
)
from ubp.pruning.layers.walking import (
    AttributePath,
    has_graph,
    held_layers,
    in_words,
    is_container,
    leaves,
)

_Replace: TypeAlias = Callable[[keras.Operation], keras.Operation]
CopyGraph: TypeAlias = Callable[[keras.Model, _Replace], keras.Model]


def copy_layer(layer: keras.Operation, changes: Mapping[str, Any] | None = None) -> keras.Operation:
    """A new layer of the same configuration but for some changes, not built.

    Raises:
        TypeError: if the layer's class does not say how to make one.
    """
    return new_instance(layer, changes)


def set_weights(layer: keras.layers.Layer, weights: Sequence[Any]) -> None:
    """`layer.set_weights(weights)`, for Normalization layers, too.

    These compute with numbers that they derive from their weights once, when they are loaded.
    """
    layer.set_weights(weights)
    for inner in leaves(layer):
        if isinstance(inner, keras.layers.Normalization):
            inner.finalize_state()


def copy_model(
    model: keras.Model,
    replace: _Replace,
    *,
    enter_containers: bool = True,
    copy_graph: CopyGraph | None = None,
) -> keras.Model:
    """A model of the same structure, names and compilation, made of new layers with new weights.

    The original is not touched. `replace` is called once for every layer that `iterate_layers`
    lists, and returns the layer that takes its place. Subclasses of functional and Sequential
    models become plain ones, which is warned of. The optimizer is new; its state is not copied.
    Weights are left to the caller, except those that containers have besides their layers.

    Args:
        model: a model that passes `check_copyable`.
        replace: layer -> new layer; `copy_layer` makes an ordinary copy. It is also given the
            operations of a functional graph that are not layers, such as additions.
        enter_containers: if not, layers that hold layers are given to `replace` as a whole.
        copy_graph: (functional or Sequential model, operation -> its copy) -> the copy of the
            model, in place of one with the same calls.

    Raises:
        TypeError: if the class of a subclassed model, or of a layer that holds layers, does not
            allow a copy, or makes a layer in build() that `replace` does not merely copy.
    """
    copy = _Copier(replace, enter_containers, copy_graph).copy(model)
    plain = (keras.Model, keras.Sequential) if copy_graph else ()
    if type(copy) is not type(model) and type(model) not in plain:
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
        self, replace: _Replace, enter_containers: bool, copy_graph: CopyGraph | None
    ) -> None:
        self._replace = replace
        self._enter_containers = enter_containers
        self._other_graph = copy_graph
        self._copies: dict[int, keras.Operation] = {}  # by the id of the original
        self._late: list[tuple[keras.layers.Layer, keras.layers.Layer, AttributePath]] = []

    def copy(self, layer: keras.Operation) -> keras.Operation:
        """The copy of a layer or model; a container's is built, a layer's is not."""
        if id(layer) not in self._copies:
            if has_graph(layer):
                self._copies[id(layer)] = self._copy_graph(layer)
            elif self._enters(layer):
                self._copy_container(layer)
            else:
                self._copies[id(layer)] = self._replace(layer)
        return self._copies[id(layer)]

    def _enters(self, layer: keras.Operation) -> bool:
        return self._enter_containers and is_container(layer)

    def _copy_graph(self, model: keras.Model) -> keras.Model:
        if self._other_graph is not None:
            copy = self._other_graph(model, self.copy)
        elif isinstance(model, keras.Sequential):
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

    def _copy_container(self, container: keras.layers.Layer) -> None:
        outer, self._late = self._late, []  # a container's graph may hold containers
        copy = new_instance(container)
        self._fill(container, copy)
        build_like(container, copy)
        for original, instance, path in self._late:
            if id(held_layers(original)[path]) not in self._copies:
                copy_late_layer(original, instance, path)
        self._late = outer

    def _fill(self, container: keras.layers.Layer, copy: keras.layers.Layer) -> None:
        self._copies[id(container)] = copy
        for path in exchange_layers(container, copy, self._exchange):
            self._late.append((container, copy, path))
            self._check_late(container, held_layers(container)[path])

    def _exchange(self, layer: keras.layers.Layer, made: keras.layers.Layer) -> keras.layers.Layer:
        """The copy of a layer; `made` is what its container's __init__ made in its place."""
        if id(layer) not in self._copies and self._enters(layer):
            self._fill(layer, made if type(made) is type(layer) else new_instance(layer))
        return self.copy(layer)

    def _check_late(self, container: keras.layers.Layer, late: keras.layers.Layer) -> None:
        """See to it that `replace` wants but a copy of what build() makes."""
        for layer in leaves(late):
            if id(layer) in self._copies:
                continue
            wanted = self._replace(layer)
            if type(wanted) is not type(layer):
                raise TypeError(
                    f"{in_words(layer)} cannot be replaced by a {type(wanted).__name__}, because "
                    f"it is not made in __init__() of {in_words(container)}; make it there, or "
                    f"leave it out with layers=[...], or {WRAP_ADVICE}."
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
