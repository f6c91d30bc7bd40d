# SPDX-License-Identifier: Apache-2.0
"""What makes patterns, schedules and other choices, frozen dataclasses, savable with a Keras model.

The classes are registered with Keras in `ubp.pruning.settings.registered`. Only here does
`ubp.masking` meet Keras, and only when Keras asks for a config.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import Self  # Python 3.11


class SavedWithModel:
    """Base of frozen dataclasses of numbers, strings and each other: the config is the fields."""

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor, for `keras.saving.serialize_keras_object`."""
        import keras

        return {
            field.name: keras.saving.serialize_keras_object(getattr(self, field.name))
            for field in fields(self)  # type: ignore[arg-type]
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The inverse of `get_config`."""
        import keras

        return cls(
            **{name: keras.saving.deserialize_keras_object(value) for name, value in config.items()}
        )
