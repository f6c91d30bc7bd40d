"""PrunedLayer: a layer whose kernel is seen through a mask.

    kernel  the wrapped layer's own weight, float [..., channels], trained as before
    mask    bool, shape of the kernel, non-trainable; True: weight kept
    step    int32 scalar, non-trainable; training steps begun so far

The forward pass always uses `where(mask, kernel, 0)`. Between *commits* the stored kernel also
holds the values of pruned weights, so that a later mask update may take them back: with gradients
"masked" the value each had when it was pruned, with "straight_through" what it has learned since.
A commit sets them to exactly zero. It happens at the end of every epoch, at the end of training and
whenever Keras saves the layer, so every saved kernel is exactly block-sparse, whatever the order of
callbacks, and a run resumed from a file goes on as the run that saved it.

Importance is the absolute value of the stored kernel.

The wrapped layer's regulariser and constraint act on the stored kernel, pruned weights included.
Not thread-safe: one training loop at a time.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from ubp.lanes import from_lanes, to_lanes
from ubp.pruning.copying import iterate_layers
from ubp.pruning.patterns import Pattern
from ubp.pruning.schedules import Schedule

GRADIENTS = ("masked", "straight_through")
_CHANNEL_AXIS = -1  # Keras keeps a kernel's output channels last


@keras.saving.register_keras_serializable(package="ubp")
class PrunedLayer(keras.layers.Wrapper):
    """A Conv2D or Dense layer with a mask on its kernel; made by `ubp.prune`.

    Args:
        layer: the layer to prune; must have a `kernel` variable, output channels last.
        schedule: when the mask is updated, and to which sparsity.
        pattern: what the mask looks like.
        method: how blocks are chosen, see `ubp.select_blocks`.
        gradients: "masked": a pruned weight gets no gradient; "straight_through": it gets the
            gradient that it would get if it were kept.
        kwargs: `name`, `trainable` and `dtype`; by default those of `layer`.

    Raises:
        ValueError: if `method` or `gradients` is not one of those above.
    """

    def __init__(
        self,
        layer: keras.layers.Layer,
        schedule: Schedule,
        pattern: Pattern,
        method: str = "optimal",
        gradients: str = "masked",
        **kwargs: Any,
    ) -> None:
        pattern.resolve_method(method)
        if gradients not in GRADIENTS:
            raise ValueError(f"gradients is {gradients!r}; expected one of {', '.join(GRADIENTS)}.")
        inherited = {"name": layer.name, "trainable": layer.trainable, "dtype": layer.dtype_policy}
        super().__init__(layer, **(inherited | kwargs))
        self.supports_masking = layer.supports_masking
        self.schedule = schedule
        self.pattern = pattern
        self.method = method
        self.gradients = gradients
        self._steps_begun: int | None = None  # the count while training is driven by UpdatePruning

    def build(self, input_shape: Any = None) -> None:
        """Build the wrapped layer, and the mask for its kernel."""
        super().build(input_shape)
        self.mask = self.add_weight(
            name="mask",
            shape=self.layer.kernel.shape,
            dtype="bool",
            initializer="ones",
            trainable=False,
        )
        self.step = self.add_weight(
            name="step", shape=(), dtype="int32", initializer="zeros", trainable=False
        )

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """The wrapped layer's output, computed with the masked kernel.

        Raises:
            RuntimeError: when training begins without the callback `UpdatePruning`. Keras runs this
                code when it traces the training step, so a later `fit` of the same compiled model
                is not checked again.
        """
        if training and self._steps_begun is None:
            raise RuntimeError(
                "A pruned model is being trained without the callback that updates its masks; "
                "pass callbacks=[ubp.UpdatePruning()] to fit()."
            )
        with keras.StatelessScope(
            state_mapping=self._state_in_use(), collect_losses=True, initialize_variables=False
        ) as scope:
            outputs = self.layer(inputs)
        for loss in scope.losses:  # activity regularisation, which the scope would swallow
            self.add_loss(loss)
        return outputs

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the wrapped layer's output."""
        return self.layer.compute_output_shape(input_shape)

    @property
    def sparsity(self) -> float:
        """The share of the kernel's weights that the mask removes."""
        return 1.0 - float(np.mean(self.mask.numpy()))

    def masked_kernel(self) -> npt.NDArray[np.floating]:
        """The kernel as the forward pass sees it: its shape and dtype, pruned weights zero."""
        kernel = self.layer.kernel.numpy()
        mask = self.mask.numpy()
        masked: npt.NDArray[np.floating] = np.where(mask, kernel, np.zeros_like(kernel))
        return masked

    def begin_training(self) -> None:
        """Take up the count of steps from the weight `step`, as built or as loaded."""
        self._steps_begun = int(self.step.numpy())

    def advance(self, steps: int = 1) -> None:
        """Count training steps; update the mask if the schedule has an update among them.

        Raises:
            ValueError: if the kernel is not finite (naming the layer).
            RuntimeError: if `begin_training` was not called.
        """
        if self._steps_begun is None:
            raise RuntimeError(f"layer '{self.name}': advance() needs begin_training() first.")
        sparsity = None
        for _ in range(steps):
            self._steps_begun += 1
            is_due, scheduled = self.schedule(self._steps_begun)
            sparsity = scheduled if is_due else sparsity
        if sparsity is not None:
            self.update_mask(sparsity)

    def update_mask(self, sparsity: float) -> None:
        """Choose the mask of this sparsity from the absolute values of the stored kernel.

        Raises:
            ValueError: if the kernel is not finite (naming the layer).
        """
        kernel = self.layer.kernel.numpy()
        importance = np.abs(to_lanes(kernel, _CHANNEL_AXIS)).astype(np.float32)
        try:
            mask = self.pattern.mask(importance, sparsity, self.method)
        except ValueError as error:
            raise ValueError(f"layer '{self.name}': its mask cannot be updated: {error}") from error
        self.mask.assign(from_lanes(mask, kernel.shape, _CHANNEL_AXIS))

    def commit(self) -> None:
        """Set pruned weights to exactly zero in the stored kernel; store the count of steps."""
        self.layer.kernel.assign(self.masked_kernel())
        if self._steps_begun is not None:
            self.step.assign(self._steps_begun)

    def end_training(self) -> None:
        """Commit, and stop counting."""
        self.commit()
        self._steps_begun = None

    def save_own_variables(self, store: Any) -> None:
        """Commit first: Keras saves a layer's own variables before those of layers inside it."""
        self.commit()
        super().save_own_variables(store)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor, serialised."""
        config: dict[str, Any] = super().get_config()
        return config | {
            "schedule": keras.saving.serialize_keras_object(self.schedule),
            "pattern": keras.saving.serialize_keras_object(self.pattern),
            "method": self.method,
            "gradients": self.gradients,
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> PrunedLayer:
        """The inverse of `get_config`."""
        objects = {
            key: keras.saving.deserialize_keras_object(config[key], custom_objects)
            for key in ("schedule", "pattern")
        }
        layer: PrunedLayer = super().from_config(config | objects, custom_objects)
        return layer

    def _state_in_use(self) -> list[tuple[keras.Variable, Any]]:
        """Each weight of the wrapped layer with its value; that of the kernel is masked.

        The others are listed because a scope hides the values that an outer scope gives them.
        """
        kernel = self.layer.kernel
        others = [weight for weight in self.layer.variables if weight is not kernel]
        values = [(weight, ops.convert_to_tensor(weight)) for weight in others]
        return [(kernel, self._kernel_in_use()), *values]

    def _kernel_in_use(self) -> Any:
        """The masked kernel as a tensor that carries the gradients of the chosen kind."""
        kernel = ops.convert_to_tensor(self.layer.kernel)
        masked = ops.where(self.mask, kernel, ops.zeros_like(kernel))
        if self.gradients == "masked":
            return masked
        # kernel + (masked - kernel) is exact: the bracket is 0 or -kernel.
        return kernel + ops.stop_gradient(masked - kernel)


def pruned_layers(model: keras.Model) -> list[PrunedLayer]:
    """The pruned layers of a model, those of nested models included, in the order of the model."""
    return [layer for layer in iterate_layers(model) if isinstance(layer, PrunedLayer)]
