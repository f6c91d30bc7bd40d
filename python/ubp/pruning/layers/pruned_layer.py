# SPDX-License-Identifier: Apache-2.0
"""PrunedLayer: a layer whose kernel is seen through a mask.

    kernels  the wrapped layer's own weights that are pruned, each with its mask; pruned_kernel.py
    step     int32 scalar, non-trainable; training steps begun so far. JAX hands weights from step
             to step outside of their variables, so there it is counted beside it, and written with
             an epoch's last batch and when Keras saves the layer

The forward pass always uses `where(mask, kernel, 0)`. The values of pruned weights live on, so that
a later mask update may take them back: with gradients "masked" the value each had when it was
pruned, with "straight_through" what it has learned since. They are set aside, in a weight of this
layer, at the end of every epoch, at the end of training and while Keras saves the layer, so every
saved kernel is exactly block-sparse, whatever the order of callbacks. When saving is done, or
before the next step, they are put back, so training depends neither on the length of an epoch nor
on when the model is saved, and a run resumed from a file goes on as the run that saved it.

The wrapped layer's regulariser and constraint act on the stored kernel, pruned weights included; so
does the penalty of a schedule that regularises.
Not thread-safe: one training loop at a time.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
from keras import ops

from ubp.masking.choice import lanes_misfit
from ubp.masking.pruning_settings import PruningSettings
from ubp.masking.regularized import RegularizedSchedule
from ubp.pruning.layers.observation import sensitivity_options
from ubp.pruning.layers.prunable import PrunableWeight, input_counts, prunable_weights
from ubp.pruning.layers.pruned_kernel import PrunedKernel
from ubp.pruning.layers.quantized_layer import rounded_values
from ubp.pruning.layers.rounding import rounded, rounded_weights
from ubp.pruning.layers.saved_last import SavedLast
from ubp.pruning.layers.substitution import call_with
from ubp.pruning.layers.walking import iterate_layers
from ubp.pruning.settings.penalty import Penalty


@keras.saving.register_keras_serializable(package="ubp")
class PrunedLayer(keras.layers.Wrapper):
    """A layer with masks on its kernels; made by `ubp.prune`.

    Args:
        layer: the layer to prune, without an `obstacle` (see prunable.py).
        settings: how.
        quantize: whether the forward pass sees kernels rounded as int8 holds them (rounding.py);
            the stored values, which masks are chosen by, are not.
        kwargs: `name`, `trainable` and `dtype`; by default those of `layer`.
    """

    def __init__(
        self,
        layer: keras.layers.Layer,
        settings: PruningSettings,
        quantize: bool = False,
        **kwargs: Any,
    ) -> None:
        inherited = {"name": layer.name, "trainable": layer.trainable, "dtype": layer.dtype_policy}
        super().__init__(layer, **(inherited | kwargs))
        self.supports_masking = layer.supports_masking
        self.settings = settings
        self.quantize = quantize
        self.kernels: list[PrunedKernel] = []
        self.is_driven = False  # UpdatePruning counts the steps of a training that goes on
        self.may_be_aside = False  # else no value of a pruned weight is set aside
        self._counted: int | None = None  # what `step` will be; None: what it is
        self._own: list[keras.Variable] = []  # this layer's weights, in the order of files
        self.saved_last = SavedLast(self._after_saving)
        self._while_saving: list[PrunedKernel] = []  # those set aside until saving is done

    def build(self, input_shape: Any = None) -> None:
        """Build the wrapped layer, and the masks for its kernels.

        Raises:
            ValueError: if a kernel cannot be pruned (naming the layer).
        """
        super().build(input_shape)
        try:
            weights = prunable_weights(self.layer)
        except ValueError as error:
            raise ValueError(f"layer '{self.name}' cannot be pruned: {error}.") from error
        misfit = lanes_misfit(input_counts(self.layer), self.settings.pattern.lanes)
        if misfit is not None:
            raise ValueError(
                f"layer '{self.name}' cannot be pruned: {misfit}. Do not give it to ubp.prune."
            )
        positions = _positions(self.layer, input_shape) if self.settings.scope.is_timed else None
        self.kernels = [self._pruned(weight, positions, len(weights)) for weight in weights]
        self.step = self._add_state("step", (), "int32")
        for kernel in self.kernels:  # after the weights that files of older versions hold
            variable, prefix = kernel.variable, self._prefix(kernel.variable, len(weights))
            kernel.aside = self._add_state(f"{prefix}aside", variable.shape, variable.dtype)
        self._observe_always()

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """The wrapped layer's output, computed with the masked kernels.

        Raises:
            RuntimeError: when training begins without the callback `UpdatePruning`. Keras runs this
                code when it traces the training step, so a later `fit` of the same compiled model
                is not checked again.
        """
        if training and not self.is_driven:
            raise RuntimeError(
                "A pruned model is being trained without the callback that updates its masks; "
                "pass callbacks=[ubp.UpdatePruning()] to fit()."
            )
        return call_with(self.layer, self._state_in_use(), inputs, self.add_loss)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the wrapped layer's output."""
        return self.layer.compute_output_shape(input_shape)

    def compute_output_spec(self, inputs: Any, training: bool | None = None) -> Any:
        """The wrapped layer's, which need not have a method `compute_output_shape`."""
        return self.layer.compute_output_spec(inputs)

    @property
    def trainable(self) -> bool:
        """Whether the wrapped layer is trained; if not, gradients are observed all the same."""
        trainable: bool = super().trainable
        return trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        keras.layers.Wrapper.trainable.fset(self, value)
        self._observe_always()

    @property
    def sparsity(self) -> float:
        """The share of the kernels' weights that the masks remove."""
        return overall_sparsity([self])

    @property
    def steps_begun(self) -> int:
        """Training steps begun, as built, loaded or counted since."""
        return int(self.step.numpy()) if self._counted is None else self._counted

    def begin_training(self) -> None:
        """Allow training: from now on steps are counted."""
        self.is_driven = True
        self.write_step()  # of a training that was interrupted
        self.expect_other_weights()
        self.put_back()

    def advance(self, steps: int = 1) -> float | None:
        """Count training steps; the sparsity of the last update that was due among them, if any.

        Raises:
            RuntimeError: if `begin_training` was not called.
        """
        if not self.is_driven:
            raise RuntimeError(f"layer '{self.name}': advance() needs begin_training() first.")
        if steps == 0:
            return None
        begun = self.steps_begun
        sparsity = self.settings.schedule.due_among(begun, steps)
        self._counted = begun + steps
        if keras.backend.backend() != "jax":
            self.write_step()
            self._counted = None
        return sparsity

    def write_step(self) -> None:
        """Let `step` say what has been counted; with JAX, while variables have their values."""
        if self._counted is not None:
            self.step.assign(self._counted)

    def set_aside(self) -> None:
        """Set pruned weights to exactly zero in the kernels, until the next step."""
        for kernel in self.kernels:
            kernel.set_aside()
        self.may_be_aside = True
        self.write_step()

    def put_back(self) -> None:
        """Give the kernels the values of pruned weights that are set aside."""
        if self.may_be_aside:
            for kernel in self.kernels:
                kernel.put_back()
            self.may_be_aside = False

    def expect_other_weights(self) -> None:
        """Look at the weights again, which others may have set, before they are needed."""
        self.may_be_aside = True
        self._counted = None

    def end_epoch(self) -> None:
        """Set aside, and let others set weights, the count of steps among them."""
        self.set_aside()
        self.expect_other_weights()

    def end_training(self) -> None:
        """Set aside, and stop counting."""
        self.end_epoch()
        self.is_driven = False

    def stripped_weights(self) -> list[Any]:
        """The wrapped layer's weights as `set_weights` takes them: as the forward pass sees them.

        Pruned weights are exactly zero.
        """
        values = {id(weight): weight.numpy() for weight in self.layer.weights}
        values |= {id(kernel.variable): kernel.masked() for kernel in self.kernels}
        return rounded_values(self.layer, values) if self.quantize else list(values.values())

    def save_own_variables(self, store: Any) -> None:
        """Set aside first: Keras saves a layer's own variables before those of layers inside it.

        The order in the file is the same for all backends of Keras.
        """
        self._while_saving = [kernel for kernel in self.kernels if not kernel.is_aside]
        self.set_aside()
        for number, variable in enumerate(self._own):
            store[str(number)] = variable

    def load_own_variables(self, store: Any) -> None:
        """Load; in files of older versions nothing is set aside, and pruned weights are zero."""
        given = {key: store[key] for key in store.keys()}  # noqa: SIM118 (a store is no mapping)
        older = len(self._own) - len(self.kernels)
        if len(given) == older:
            for number, kernel in enumerate(self.kernels, older):
                given[str(number)] = np.zeros(kernel.variable.shape, kernel.variable.dtype)
        if len(given) == len(self._own):  # else Keras says what is wrong
            in_file = {id(each): given[str(number)] for number, each in enumerate(self._own)}
            by_keras = sorted(self._own, key=lambda each: not each.trainable)
            given = {str(number): in_file[id(each)] for number, each in enumerate(by_keras)}
        super().load_own_variables(given)
        self.expect_other_weights()

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor, serialised."""
        config: dict[str, Any] = super().get_config()
        return config | {
            "settings": keras.saving.serialize_keras_object(self.settings),
            "quantize": self.quantize,
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> PrunedLayer:
        """The inverse of `get_config`."""
        settings = keras.saving.deserialize_keras_object(config["settings"], custom_objects)
        layer: PrunedLayer = super().from_config(config | {"settings": settings}, custom_objects)
        return layer

    def _after_saving(self) -> None:
        for kernel in self._while_saving:
            kernel.put_back()
        self._while_saving = []

    def _pruned(self, weight: PrunableWeight, positions: int | None, count: int) -> PrunedKernel:
        """The view of one weight; `count` says how many the layer has."""
        variable, prefix = weight.variable, self._prefix(weight.variable, count)
        observes = self.settings.importance.uses_gradients
        return PrunedKernel(
            name=f"{self.name}/{variable.name}" if count > 1 else self.name,
            layer=self.layer,
            variable=variable,
            channel_axis=weight.channel_axis,
            positions=positions,
            mask=self._add_state(f"{prefix}mask", variable.shape, "bool", initializer="ones"),
            sensitivity=self._add_state(
                f"{prefix}sensitivity", variable.shape, **sensitivity_options()
            )
            if observes
            else None,
            penalty=self._penalty(variable, prefix),
        )

    @staticmethod
    def _prefix(variable: keras.Variable, count: int) -> str:
        """What the names of a kernel's state begin with; `count` says how many the layer has."""
        return f"{variable.name}_" if count > 1 else ""

    def _penalty(self, variable: keras.Variable, prefix: str) -> Penalty | None:
        """The schedule's penalty, if it has one, made part of the weight's regulariser."""
        schedule = self.settings.schedule
        if not isinstance(schedule, RegularizedSchedule):
            return None
        penalty = Penalty(
            schedule,
            strength=self._add_state(f"{prefix}penalty_strength", ()),
            state={
                name: self._add_state(f"{prefix}penalty_{name}", variable.shape)
                for name in schedule.state_names
            },
            own=variable.regularizer,
        )
        variable.regularizer = penalty
        return penalty

    def _add_state(
        self, name: str, shape: tuple[int, ...], dtype: str = "float32", **options: Any
    ) -> keras.Variable:
        """A weight that is saved with the layer and not trained; zeros, unless options say else."""
        given = {"initializer": "zeros", "dtype": dtype, "trainable": False} | options
        self._own.append(self.add_weight(name=name, shape=shape, **given))
        return self._own[-1]

    def _observe_always(self) -> None:
        """Let gradients of a layer that is frozen be observed, too, where that takes a training."""
        options = sensitivity_options()
        for kernel in self.kernels:
            if kernel.sensitivity is not None and options["trainable"]:
                kernel.sensitivity.trainable = True

    def _state_in_use(self) -> list[tuple[keras.Variable, Any]]:
        """Each weight of the wrapped layer with the value that the forward pass sees.

        The others are listed because a scope hides the values that an outer scope gives them.
        """
        masked = {id(kernel.variable): kernel for kernel in self.kernels}
        axes = {id(each.variable): each.axes for each in rounded_weights(self.layer)}
        in_use = []
        for weight in self.layer.variables:
            kernel = masked.get(id(weight))
            value = (
                ops.convert_to_tensor(weight)
                if kernel is None
                else kernel.in_use(self.settings.gradients)
            )
            if self.quantize and id(weight) in axes:
                value = rounded(value, axes[id(weight)])
            in_use.append((weight, value))
        return in_use


def pruned_layers(model: keras.Model) -> list[PrunedLayer]:
    """The pruned layers of a model, those of nested models included, in the order of the model."""
    return [layer for layer in iterate_layers(model) if isinstance(layer, PrunedLayer)]


def overall_sparsity(layers: Iterable[PrunedLayer]) -> float:
    """The share of the weights of all pruned kernels of these layers that the masks remove."""
    kernels = [kernel for layer in layers for kernel in layer.kernels]
    removed = sum(kernel.sparsity * kernel.size for kernel in kernels)
    return removed / sum(kernel.size for kernel in kernels)


def _positions(layer: keras.layers.Layer, input_shape: Any) -> int | None:
    """Outputs per channel and sample; None if a size of the input is open."""
    shape = list(layer.compute_output_shape(input_shape))[1:]
    del shape[0 if getattr(layer, "data_format", None) == "channels_first" else -1]
    return None if None in shape else math.prod(shape)
