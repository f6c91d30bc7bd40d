"""Everything that one experiment finds, as data; to and from JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bench.harness.machine import Machine
from experiment.study.recipe import Cell, Recipe
from experiment.study.settings import Settings
from experiment.study.statistics import Interval, paired_difference
from experiment.study.store import Outcome, Run, Store


@dataclass(frozen=True)
class CellResult:
    """A cell's outcomes.

    name, title, network: the cell's.
    recipes: the cell's, by name.
    outcomes: of each recipe, in the order of the seeds, by the recipe's name.
    """

    name: str
    title: str
    network: str
    recipes: dict[str, Recipe]
    outcomes: dict[str, list[Outcome]]

    def values(self, recipe: str, measure: str) -> list[float]:
        """A field of the outcomes of one recipe."""
        return [getattr(outcome, measure) for outcome in self.outcomes[recipe]]

    def mean(self, recipe: str, measure: str) -> float:
        """Its mean."""
        values = self.values(recipe, measure)
        return sum(values) / len(values)

    def difference(self, recipe: str, other: str, measure: str) -> Interval:
        """Between two recipes, in pairs of the same seed."""
        return paired_difference(self.values(recipe, measure), self.values(other, measure))


@dataclass(frozen=True)
class Report:
    """One experiment.

    date: when its report was made, ISO 8601, UTC; finished runs may be older.
    settings: of all runs.
    seeds: of which each is a dense network, and what recipes make of it.
    dense: the outcomes of the dense networks in the order of the seeds, by the network's name.
    """

    date: str
    machine: Machine
    settings: Settings
    seeds: list[int]
    dense: dict[str, list[Outcome]]
    cells: list[CellResult]

    def to_json(self) -> dict[str, Any]:
        """For people's scripts too."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Report:
        """The inverse of `to_json`.

        Raises:
            ValueError: if the results are of another version of the experiment.
        """
        try:
            fields = {
                "machine": Machine(**data["machine"]),
                "settings": Settings(**data["settings"]),
                "dense": _outcomes(data["dense"]),
                "cells": [_cell(entry) for entry in data["cells"]],
            }
            return cls(**data | fields)
        except (KeyError, TypeError) as error:
            raise ValueError(
                f"the results are of another version of this experiment ({error}); run it again."
            ) from error


def gather(
    cells: Sequence[Cell],
    seeds: Sequence[int],
    store: Store,
    settings: Settings,
    date: str,
    machine: Machine,
) -> Report:
    """The report of runs that are all finished."""
    networks = dict.fromkeys(cell.network for cell in cells)
    return Report(
        date=date,
        machine=machine,
        settings=settings,
        seeds=list(seeds),
        dense={network: [store.load(Run(network, seed)) for seed in seeds] for network in networks},
        cells=[
            CellResult(
                cell.name,
                cell.title,
                cell.network,
                dict(cell.recipes),
                {
                    name: [store.load(Run(cell.network, seed, recipe)) for seed in seeds]
                    for name, recipe in cell.recipes.items()
                },
            )
            for cell in cells
        ],
    )


def _cell(entry: dict[str, Any]) -> CellResult:
    recipes = {name: Recipe(**fields) for name, fields in entry["recipes"].items()}
    return CellResult(**entry | {"recipes": recipes, "outcomes": _outcomes(entry["outcomes"])})


def _outcomes(entries: dict[str, list[dict[str, Any]]]) -> dict[str, list[Outcome]]:
    return {name: [Outcome(**fields) for fields in entry] for name, entry in entries.items()}
