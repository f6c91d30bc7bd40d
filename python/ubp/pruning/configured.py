"""What makes patterns and schedules, frozen dataclasses, savable as parts of a Keras model."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Self


class Configured:
    """Base of frozen dataclasses whose fields are plain numbers: the config is the fields."""

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor, for `keras.saving.serialize_keras_object`."""
        return {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The inverse of `get_config`."""
        return cls(**config)
