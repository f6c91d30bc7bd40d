# SPDX-License-Identifier: Apache-2.0
"""A case: a model, what its inputs are in each run, and how the delegate is set.

On disk a case is two files, NAME.tflite and NAME.json beside it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

# What inputs are filled with: ordinary numbers, large or tiny ones, ordinary ones but for a few.
KINDS = ("normal", "large", "tiny", "special")
# Of int8 models: all int8 values, the ends of the range often, one value everywhere.
INT8_KINDS = ("normal", "extreme", "flat")
SPECIALS = (np.nan, np.inf, -np.inf, 3e38, -3e38)


@dataclass(frozen=True)
class Run:
    """One inference.

    shapes: of the inputs, in the model's order; None where the previous run's (or the file's) stay.
    kind: one of KINDS, or of INT8_KINDS.
    seed: of the inputs' values.
    """

    shapes: list[list[int] | None]
    kind: str
    seed: int

    def inputs(
        self, shapes: list[list[int]], types: Sequence[npt.DTypeLike] | None = None
    ) -> list[npt.NDArray[Any]]:
        """Values for inputs of these shapes; of float32 where nothing else is said, or int8."""
        rng = np.random.default_rng(self.seed)
        scales = {"large": 10.0 ** rng.integers(3, 12), "tiny": 1e-39, "extreme": 100.0}
        scale = scales.get(self.kind, 1.0)
        inputs = [
            self._int8(rng, shape)
            if dtype == np.int8
            else (scale * rng.standard_normal(shape)).astype(np.float32)
            for shape, dtype in zip(shapes, types or [np.float32] * len(shapes), strict=True)
        ]
        for i, element, value in self.specials(shapes):
            inputs[i].reshape(-1)[element] = value
        return inputs

    def _int8(self, rng: np.random.Generator, shape: list[int]) -> npt.NDArray[np.int8]:
        values = rng.integers(-128, 128, shape, np.int8)
        if self.kind == "extreme":
            ends = rng.choice(np.array([-128, 127], np.int8), shape)
            values = np.where(rng.random(shape) < 0.5, ends, values)
        if self.kind == "flat":
            values[...] = rng.choice((-128, -127, -1, 0, 1, 127))
        return values

    def specials(self, shapes: list[list[int]]) -> list[tuple[int, int, float]]:
        """(input, element, value) of what is not ordinary: one to three in all."""
        if self.kind != "special":
            return []
        rng = np.random.default_rng([self.seed, 1])
        sizes = [(i, int(np.prod(shape))) for i, shape in enumerate(shapes) if 0 not in shape]
        specials = []
        for _ in range(rng.integers(1, 4) if sizes else 0):
            i, size = sizes[int(rng.integers(len(sizes)))]
            specials.append(
                (i, int(rng.integers(size)), SPECIALS[int(rng.integers(len(SPECIALS)))])
            )
        return specials


@dataclass(frozen=True)
class Case:
    """model: the bytes of a .tflite file that the plain interpreter can run.

    options: the delegate's.
    convert: the arguments of ubp.convert, if it is the converted model that is compared.
    """

    model: bytes
    runs: list[Run]
    options: dict[str, str]
    convert: dict[str, Any] | None = None

    def description(self) -> dict[str, Any]:
        """Everything but the model, as JSON has it."""
        return {
            "runs": [asdict(run) for run in self.runs],
            "options": self.options,
            "convert": self.convert,
        }

    @classmethod
    def of(cls, model: bytes, description: dict[str, Any]) -> Self:
        runs = [Run(**run) for run in description["runs"]]
        return cls(model, runs, description["options"], description["convert"])

    def save(self, path: Path, **more: Any) -> None:
        """Write PATH.tflite and PATH.json; `more` is for the reader."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".tflite").write_bytes(self.model)
        text = json.dumps(self.description() | more, indent=1)
        path.with_suffix(".json").write_text(text + "\n", "utf-8")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read both files; either may be named.

        Raises:
            FileNotFoundError, ValueError: if one is missing or is no case.
        """
        text = path.with_suffix(".json").read_text("utf-8")
        try:
            return cls.of(path.with_suffix(".tflite").read_bytes(), json.loads(text))
        except (KeyError, TypeError, json.JSONDecodeError) as error:
            raise ValueError(f"{path}: not a case that fuzz.graphs wrote: {error!r}.") from error
