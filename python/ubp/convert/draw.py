"""Draw: the inputs that each entry of a model is verified on, given by a user or random."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from ubp.convert.entries import Entry, Runner, entries_of
from ubp.convert.samples import Sample, read_samples, split
from ubp.convert.shapes import Shapes
from ubp.convert.tables import index_bounds
from ubp.runtime.inputs import Shape, random_values


@dataclass(frozen=True)
class SampleSource:
    """What the entries of a model run on.

    tree: of the model.
    inputs: arrays or paths that a user gives, or None for random values.
    shapes: of the main graph's inputs, if the user gives them.
    resolved: shapes of the inputs of entries that leave sizes open.
    runs: how many random samples.
    seed: of the random samples.
    """

    tree: schema.ModelT
    inputs: Any
    shapes: Sequence[Shape] | None
    resolved: Shapes
    runs: int
    seed: int

    def of(self, runners: Sequence[Runner]) -> tuple[dict[Entry, list[Sample]], dict[Entry, str]]:
        """The samples of each entry; of those that there are none for, why not.

        Raises:
            ValueError, FileNotFoundError, ImportError: if no entry has any, as of `read_samples`.
        """
        samples: dict[Entry, list[Sample]] = {}
        left: dict[Entry, str] = {}
        errors: list[ValueError] = []
        for runner in runners:
            try:
                samples[runner.entry] = self._of_one(runner)
            except ValueError as error:
                errors.append(error)
                left[runner.entry] = str(error).removesuffix(".")
        if not samples:
            raise errors[0]
        return samples, left

    def of_main(self, interpreter: Any) -> Sample:
        """One sample for the main graph of an interpreter with allocated tensors.

        Raises:
            ValueError, FileNotFoundError, ImportError: as `of`.
        """
        return self._of_one(Runner(interpreter, entries_of(self.tree)[0]))[0]

    def _of_one(self, runner: Runner) -> list[Sample]:
        details, _ = runner.details()
        if self.inputs is None:
            return self._random(runner, details)
        found = _given_samples(self.inputs, details, self.shapes)
        if not found:
            raise ValueError("the inputs hold no samples.")
        return found

    def _random(self, runner: Runner, details: Sequence[dict[str, Any]]) -> list[Sample]:
        rng, subgraph = np.random.default_rng(self.seed), runner.entry.subgraph
        shapes = self.resolved.inputs.get(subgraph, [detail["shape"] for detail in details])
        bounds = index_bounds(self.tree, subgraph)
        return [
            [
                random_values(detail, shape, rng, bounds)
                for detail, shape in zip(details, shapes, strict=True)
            ]
            for _ in range(self.runs)
        ]


def _given_samples(
    inputs: Any, details: Sequence[dict[str, Any]], shapes: Sequence[Shape] | None
) -> list[Sample]:
    """The samples in arrays, or in files."""
    several = isinstance(inputs, Sequence) and not isinstance(inputs, str | bytes)
    given = list(inputs) if several else [inputs]
    paths = [Path(each) for each in given if isinstance(each, str | os.PathLike)]
    if not paths:
        return split([np.asarray(each) for each in given], details, shapes)
    if len(paths) < len(given):
        raise ValueError(
            f"the inputs are {len(paths)} paths and {len(given) - len(paths)} arrays; give either "
            "only paths or only arrays."
        )
    return read_samples(paths, details, shapes)
