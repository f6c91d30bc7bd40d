"""`prune`: a copy of a Keras model whose layers are pruned while it trains."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras

from ubp.pruning.copying import check_copyable, copy_layer, copy_model
from ubp.pruning.patterns import Pattern, UnalignedBlock
from ubp.pruning.schedules import Schedule, as_schedule
from ubp.pruning.targets import choose_layers
from ubp.pruning.wrapper import PrunedLayer, pruned_layers

_DEFAULT_PATTERN = UnalignedBlock(4)


def prune(
    model: keras.Model,
    schedule: Schedule | Callable[[int], tuple[Any, Any]],
    pattern: Pattern = _DEFAULT_PATTERN,
    method: str = "optimal",
    layers: Sequence[str] | None = None,
    gradients: str = "masked",
) -> keras.Model:
    """A copy of the model, with the same weights, that prunes itself as it trains.

    Train it with the callback `ubp.UpdatePruning()`, then take the result with `ubp.strip`. The
    masks that the schedule asks for at step 0 are already in place, so
    `ubp.strip(ubp.prune(model, ubp.ConstantSparsity(0.8)))` prunes without any training.

    The copy is compiled as the original is, with a fresh optimizer; if the original is not
    compiled, or Keras cannot copy its loss (a warning says so), compile the copy. The original
    stays as it is.

    Args:
        model: a built functional or Sequential model of Keras 3; may contain such models.
        schedule: when masks are updated and to which sparsity: `ConstantSparsity`,
            `PolynomialDecay`, a schedule object of tensorflow-model-optimization, or a callable
            step -> (update due, sparsity).
        pattern: what is kept: `UnalignedBlock(n)`, `AlignedBlock(n)` or `Unstructured()`.
        method: how blocks are chosen, by absolute weight: "optimal", "bed", "greedy" or "aligned"
            (see `ubp.select_blocks`).
        layers: names of the layers to prune, Conv2D (not grouped) or Dense. By default all of these
            except the first Conv2D, the last layer with weights (the classifier), and layers with
            fewer output channels than a block.
        gradients: "masked": pruned weights get no gradient; a mask update within the same epoch may
            take them back at the value they had. "straight_through": they get the gradient of a
            kept weight and may grow back. Either way they are zero in the forward pass, and
            set to zero at every epoch's end and in every saved file.

    Raises:
        TypeError: if the model, the schedule or `layers` is of the wrong kind.
        ValueError: if the model is not built or already pruned, if a layer that is named is unknown
            or cannot be pruned, if aligned blocks do not divide a layer's channels, if nothing
            is left to prune, or if `method` or `gradients` is unknown.
    """
    schedule = as_schedule(schedule)
    pattern.resolve_method(method)
    check_copyable(model, "prune")
    if pruned_layers(model):
        raise ValueError(
            f"prune: model '{model.name}' is already pruned; call ubp.strip(model) first."
        )
    chosen = {id(layer) for layer in choose_layers(model, pattern, method, layers)}
    copied: list[tuple[keras.layers.Layer, keras.layers.Layer]] = []

    def replace(layer: keras.Operation) -> keras.Operation:
        copy = copy_layer(layer)
        if not isinstance(layer, keras.layers.Layer):
            return copy
        copied.append((layer, copy))
        if id(layer) not in chosen:
            return copy
        return PrunedLayer(copy, schedule, pattern, method, gradients)

    pruned = copy_model(model, replace)
    for layer, copy in copied:
        copy.set_weights(layer.get_weights())
    is_due, sparsity = schedule(0)
    if is_due:
        for layer in pruned_layers(pruned):
            layer.update_mask(sparsity)
    return pruned
