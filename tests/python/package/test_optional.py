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
    ubp.{name}
except ImportError as error:
    print(type(error).__name__, error)
"""


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
    program = _PROGRAM.format(name=name, missing=missing)
    process = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert process.stdout == (
        f"ModuleNotFoundError ubp.{name} needs {missing}, which is not installed; install it with "
        f"'pip install {advice}'.\n"
    )
