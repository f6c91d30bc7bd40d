# SPDX-License-Identifier: Apache-2.0
"""Names whose packages are not installed: one sentence says what to install."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib import metadata
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement

# A module that is None in sys.modules counts as not installed.
_PROGRAM = """
import sys
sys.modules[{missing!r}] = None
import ubp
try:
    {statement}
except ImportError as error:
    print(type(error).__name__, error)
"""


PROJECT = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text("utf-8"))[
    "project"
]
REQUIREMENTS = chain(PROJECT["dependencies"], *PROJECT["optional-dependencies"].values())
VERSIONED = {re.split("[<>=]", each)[0]: each for each in REQUIREMENTS}


def required(packages: list[str]) -> str:
    """As pyproject.toml has them, each in quotes."""
    return " ".join(f'"{VERSIONED[package]}"' for package in packages)


def said_without(missing: str, statement: str) -> str:
    program = _PROGRAM.format(missing=missing, statement=statement)
    process = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return process.stdout


@pytest.mark.parametrize(
    ("name", "missing", "packages"),
    [
        ("UpdatePruning", "keras", ["keras", "tensorflow"]),
        ("prune", "keras", ["keras", "tensorflow"]),
        ("Interpreter", "ai_edge_litert", ["ai-edge-litert"]),
        ("convert", "flatbuffers", ["flatbuffers"]),
        ("select_blocks", "numpy", ["numpy"]),
    ],
)
def test_a_missing_package_is_one_sentence(name: str, missing: str, packages: list[str]) -> None:
    assert said_without(missing, f"ubp.{name}") == (
        f"ModuleNotFoundError ubp.{name} needs {missing}, which is not installed; install it with "
        f"'pip install {required(packages)}'.\n"
    )


@pytest.mark.parametrize(
    ("statement", "missing", "what"),
    [
        ("import ubp.pruning", "keras", "ubp.pruning"),
        ("import ubp.pruning", "tensorflow", "ubp.pruning"),
        (
            "import ubp.selection.order.hill_climb",
            "scipy",
            "an order of channels by hill climbing",
        ),
    ],
)
def test_so_is_one_that_is_missing_further_in(statement: str, missing: str, what: str) -> None:
    assert said_without(missing, statement) == (
        f"ModuleNotFoundError {what} needs {missing}, which is not installed; install it with "
        f"'pip install {required(['keras', 'tensorflow'] if missing == 'keras' else [missing])}'.\n"
    )


def test_a_search_needs_optuna() -> None:
    assert said_without("optuna", "import ubp.mapping.search") == (
        "ModuleNotFoundError method='search' needs Optuna, which is not installed; install it with "
        f"'pip install {required(['optuna'])}'.\n"
    )


@pytest.mark.parametrize("statement", ["ubp.torch.prune", "import ubp.torch"])
def test_pruning_in_pytorch_needs_pytorch(statement: str) -> None:
    assert said_without("torch", statement) == (
        "ModuleNotFoundError ubp.torch needs torch, which is not installed; install it with "
        f"'pip install {required(['torch'])}'.\n"
    )


@pytest.mark.parametrize("framework", ["keras", "tensorflow", "torch"])
def test_settings_of_masks_need_no_framework(framework: str) -> None:
    statement = (
        "settings = ubp.PolynomialDecay(0.0, 0.8, 0, 100), ubp.UnalignedBlock(4), ubp.ADMM; "
        "import ubp.masking.updates, ubp.masking.choice, ubp.masking.pruning_settings; "
        "print(sorted({'keras', 'tensorflow', 'jax', 'torch'} & {*sys.modules} - {'"
        + framework
        + "'}))"
    )
    assert said_without(framework, statement) == "[]\n"


def test_a_chain_of_channels_needs_no_scipy() -> None:
    statement = (
        "import numpy; from ubp.selection.order.channel_order import order_channels; "
        "print(len(order_channels([numpy.eye(8)], 2, 0.5, 'chain').order))"
    )
    assert said_without("scipy", statement) == "8\n"


def test_without_extras_nothing_to_train_with_is_installed() -> None:
    """Nor by what the requirements require."""
    trainers, waiting, seen = {"tensorflow", "keras", "jax", "torch"}, ["ubp"], set[str]()
    while waiting:
        package = waiting.pop()
        seen.add(package)
        found = PROJECT["dependencies"] if package == "ubp" else metadata.requires(package) or []
        for requirement in map(Requirement, found):
            needed = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
            if needed and requirement.name not in seen:
                waiting.append(requirement.name)
    assert not trainers & seen
    assert "numpy" in seen
