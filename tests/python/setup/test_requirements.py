# SPDX-License-Identifier: Apache-2.0
"""tools/requirements.py: each floor of pyproject.toml as the one version that is allowed."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[3]
TOOL = Path("tools", "requirements.py")


def constraints(root: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, root / TOOL]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_every_requirement_is_pinned_to_its_floor() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    given = [*project["dependencies"], *(each for extra in extras for each in extra)]
    pinned = constraints(ROOT).stdout.split()
    assert len(pinned) == len(given) > 10
    for requirement, constraint in zip(
        map(Requirement, given), map(Requirement, pinned), strict=True
    ):
        (exact,) = constraint.specifier
        assert constraint.name == requirement.name and exact.operator == "=="
        assert requirement.specifier.contains(exact.version)
        floors = [each.version for each in requirement.specifier if each.operator in (">=", "==")]
        assert floors == [exact.version]


@pytest.mark.parametrize("requirement", ["numpy", "numpy<3", "numpy>=1.26,!=2.0", "numpy~=1.26"])
def test_a_requirement_without_a_known_floor_is_refused(tmp_path: Path, requirement: str) -> None:
    (tmp_path / "tools").mkdir()
    (tmp_path / TOOL).write_bytes((ROOT / TOOL).read_bytes())
    (tmp_path / "pyproject.toml").write_text(
        f'[project]\ndependencies = ["{requirement}"]\n[project.optional-dependencies]\n'
    )
    done = constraints(tmp_path)
    assert done.returncode == 1 and f"{requirement!r} has no oldest version" in done.stderr
