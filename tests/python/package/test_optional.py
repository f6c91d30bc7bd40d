"""Names whose packages are not installed: one sentence says what to install."""

from __future__ import annotations

import subprocess
import sys

import pytest

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


def said_without(missing: str, statement: str) -> str:
    program = _PROGRAM.format(missing=missing, statement=statement)
    process = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return process.stdout


@pytest.mark.parametrize(
    ("name", "missing", "advice"),
    [
        ("UnalignedBlock", "keras", '"ubp[train]"'),
        ("prune", "keras", '"ubp[train]"'),
        ("Interpreter", "ai_edge_litert", "--upgrade ubp"),
        ("convert", "flatbuffers", "--upgrade ubp"),
        ("select_blocks", "numpy", "--upgrade ubp"),
    ],
)
def test_a_missing_package_is_one_sentence(name: str, missing: str, advice: str) -> None:
    assert said_without(missing, f"ubp.{name}") == (
        f"ModuleNotFoundError ubp.{name} needs {missing}, which is not installed; install it with "
        f"'pip install {advice}'.\n"
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
        "'pip install \"ubp[train]\"'.\n"
    )


def test_a_chain_of_channels_needs_no_scipy() -> None:
    statement = (
        "import numpy; from ubp.selection.order.channel_order import order_channels; "
        "print(len(order_channels([numpy.eye(8)], 2, 0.5, 'chain').order))"
    )
    assert said_without("scipy", statement) == "8\n"
