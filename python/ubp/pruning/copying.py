"""Walking and copying Keras models: functional and Sequential ones, nested ones included."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator

import keras


def is_copyable(layer: keras.Operation) -> bool:
    """Whether this is a model whose graph of layers Keras knows: functional or built Sequential."""
    return isinstance(layer, keras.Model) and hasattr(layer, "inputs")


def check_copyable(model: keras.Model, caller: str) -> None:
    """Refuse models that `copy_model` cannot copy; `caller` names the function in the message.

    Raises:
        TypeError: if `model` is not a Keras 3 model, or a subclassed one.
        ValueError: if it is a Sequential model that is not built.
    """
    if not isinstance(model, keras.Model):
        raise TypeError(
            f"{caller}: the model is a {type(model).__module__}.{type(model).__name__}; expected a "
            "Keras 3 model (keras.Model). Models of tf_keras have to be rebuilt in Keras 3."
        )
    if is_copyable(model):
        return
    if isinstance(model, keras.Sequential):
        raise ValueError(
            f"{caller}: the Sequential model '{model.name}' is not built; begin it with a "
            "keras.Input, or call model.build(input_shape)."
        )
    raise TypeError(
        f"{caller}: the model '{model.name}' is a subclassed model ({type(model).__name__}), whose "
        "layers cannot be replaced; expected a functional or Sequential model, such as "
        "keras.Model(inputs, outputs)."
    )


def iterate_layers(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """The layers in the order of the model, those of nested models in place of the nested model."""
    for layer in model.layers:
        if is_copyable(layer):
            yield from iterate_layers(layer)
        else:
            yield layer


def copy_layer(layer: keras.Operation) -> keras.Operation:
    """A new layer of the same configuration, not built."""
    return type(layer).from_config(layer.get_config())


def copy_model(
    model: keras.Model, replace: Callable[[keras.Operation], keras.Operation]
) -> keras.Model:
    """A model of the same graph, names and compilation, made of new layers with new weights.

    The original is not touched. `replace` is called once for every layer that is not a nested
    model, and returns the layer that takes its place. Subclasses of functional and Sequential
    models become plain ones, which is warned of. The optimizer is new; its state is not copied.

    Args:
        model: a model that passes `check_copyable`.
        replace: layer -> new layer; `copy_layer` makes an ordinary copy. It is also given the
            operations of a functional graph that are not layers, such as additions.
    """
    copy = _copy_graph(model, replace, {})
    if type(copy) is not type(model):
        warnings.warn(
            f"The copy of model '{model.name}' is a plain {type(copy).__name__} model, without the "
            f"methods of {type(model).__name__}.",
            stacklevel=3,
        )
    if model.compiled:
        _copy_compilation(model, copy)
    return copy


def _copy_graph(
    model: keras.Model,
    replace: Callable[[keras.Operation], keras.Operation],
    copies: dict[int, keras.Operation],
) -> keras.Model:
    """`copy_model` without compilation; `copies`, id(layer) -> copy, keeps shared layers shared."""

    def copy_once(layer: keras.Operation) -> keras.Operation:
        if id(layer) not in copies:
            nested = is_copyable(layer)
            copies[id(layer)] = _copy_graph(layer, replace, copies) if nested else replace(layer)
        return copies[id(layer)]

    if isinstance(model, keras.Sequential):
        (given,) = model.inputs
        entry = keras.Input(batch_shape=given.shape, dtype=given.dtype, name=given.name)
        copy = keras.Sequential([entry, *map(copy_once, model.layers)], name=model.name)
    else:
        # A second model over the same graph: clone_model would also copy the compilation, and fail
        # where Keras cannot.
        graph = keras.Model(model.input, model.output, name=model.name)
        copy = keras.models.clone_model(graph, clone_function=copy_once)
    if not model.trainable:
        copy.trainable = False
    return copy


def _copy_compilation(model: keras.Model, copy: keras.Model) -> None:
    try:
        copy.compile_from_config(model.get_compile_config())
    except (TypeError, ValueError) as error:
        warnings.warn(
            f"The copy of model '{model.name}' is not compiled, because Keras cannot copy the "
            "optimizer, loss or metrics of the original; call compile() on it, or register them "
            f"with keras.saving.register_keras_serializable. Keras says: {error}",
            stacklevel=4,
        )
