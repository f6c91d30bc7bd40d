# SPDX-License-Identifier: Apache-2.0
"""The files of an experiment's finished runs: what is there is not run again.

    NETWORK_SEED_dense_KEY.npz    the weights of a dense network, in Keras's order
    NETWORK_SEED_dense_KEY.json   its outcome
    NETWORK_SEED_PATTERN_KEY.json the outcome of a recipe
    pictures_KEY.npz              the data set
    NAME_KEY.json                 what an experiment measures before its runs

KEY is a digest of all that the content depends on: settings, recipe, code and versions. A file is
whole or not there. Several processes may write to one folder.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.harness.cache import code_and_versions, replacing
from experiment.study.recipe import Recipe
from experiment.study.settings import Settings

Weights = list[npt.NDArray[Any]]

_TRAINING_CODE = (
    "experiment.strokes",
    "experiment.study.networks",
    "experiment.study.settings",
    "experiment.study.training",
)
_PRUNING_CODE = (
    *_TRAINING_CODE,
    "experiment.study.int8",
    "experiment.study.pruned",
    "ubp.costs",
    "ubp.data",
    "ubp.lanes",
    "ubp.pruning",
    "ubp.quantization",
    "ubp.reconstruction",
    "ubp.selection",
)


@dataclass(frozen=True)
class Run:
    """One training: of a dense network, or by a recipe from the dense one of the same seed.

    recipe: None for the dense network.
    """

    network: str
    seed: int
    recipe: Recipe | None = None

    @property
    def dense(self) -> Run:
        """The run that this one begins with."""
        return Run(self.network, self.seed)


@dataclass(frozen=True)
class Outcome:
    """What a run leads to.

    accuracy: on the test pictures, 0 to 1.
    nll: mean negative log-likelihood of the right class, in nats.
    sparsity: share of zeros in the pruned layers, all together; 0 for a dense network.
    kept: share of the dense network's absolute weights that lie where the last masks keep them.
    """

    accuracy: float
    nll: float
    sparsity: float
    kept: float


class Store:
    """The files in a folder, which is made when something is written."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self._folder = folder
        self._settings = settings
        self._training_code = code_and_versions(_TRAINING_CODE)
        self._pruning_code = code_and_versions(_PRUNING_CODE)

    @property
    def pictures(self) -> Path:
        """Where the data set is kept."""
        settings = {"train": self._settings.train, "test": self._settings.test}
        return self._folder / f"pictures_{_digest(settings | self._training_code)}.npz"

    def measured(self, name: str, origin: dict[str, Any], make: Callable[[], Any]) -> Any:
        """What was measured, as JSON has it; made if it is not there.

        Args:
            name: of the file.
            origin: all that the result depends on beside settings, code and versions, for JSON.
            make: measures; called where there is no such file.
        """
        settings = {"settings": asdict(self._settings), "origin": origin}
        path = self._folder / f"{name}_{_digest(settings | self._pruning_code)}.json"
        if not path.exists():
            content = json.dumps(make(), indent=1, allow_nan=False) + "\n"
            with replacing(path) as unfinished:
                unfinished.write_text(content)
        return json.loads(path.read_text())

    def has(self, run: Run) -> bool:
        """Whether the run is finished."""
        return self._path(run).exists()

    def load(self, run: Run) -> Outcome:
        """What a finished run led to."""
        return Outcome(**json.loads(self._path(run).read_text())["outcome"])

    def save(self, run: Run, outcome: Outcome) -> None:
        """Say that a run is finished, and what it led to."""
        content = json.dumps({"run": asdict(run), "outcome": asdict(outcome)}, indent=1)
        with replacing(self._path(run)) as unfinished:
            unfinished.write_text(content + "\n")

    def load_weights(self, run: Run) -> Weights:
        """The weights of a finished dense network."""
        with np.load(self._path(run).with_suffix(".npz")) as arrays:
            return [arrays[name] for name in arrays.files]

    def save_weights(self, run: Run, weights: Weights) -> None:
        """To be called before `save`."""
        with (
            replacing(self._path(run).with_suffix(".npz")) as unfinished,
            unfinished.open("wb") as stream,
        ):
            np.savez(stream, *weights)

    def _path(self, run: Run) -> Path:
        code = self._pruning_code if run.recipe else self._training_code
        kind = run.recipe.pattern if run.recipe else "dense"
        key = _digest({"run": asdict(run), "settings": asdict(self._settings)} | code)
        return self._folder / f"{run.network}_{run.seed}_{kind}_{key}.json"


def _digest(origin: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(origin, sort_keys=True).encode()).hexdigest()[:16]
