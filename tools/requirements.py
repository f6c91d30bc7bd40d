# SPDX-License-Identifier: Apache-2.0
"""Prints the requirements of pyproject.toml as constraints: the oldest version that each allows.

    python3 tools/requirements.py >constraints.txt
    pip install --editable '.[train,jax,report,search,dev,docs]' --constraint constraints.txt

A floor is a version that exists and has not been withdrawn: pip is asked for just that one.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)(>=|==)(?P<floor>[\d.]+)(,<[\d.]+)?")


def oldest(pyproject: Path = ROOT / "pyproject.toml") -> list[str]:
    """Constraints such as "numpy==1.26.0", one for each requirement, in their order.

    Raises:
        ValueError: if a requirement has no floor, or is written in a way that is not known here.
    """
    project = tomllib.loads(pyproject.read_text("utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    constraints = []
    for requirement in [*project["dependencies"], *(each for extra in extras for each in extra)]:
        parts = _REQUIREMENT.fullmatch(requirement)
        if parts is None:
            raise ValueError(
                f"{pyproject}: the requirement {requirement!r} has no oldest version; expected "
                "NAME>=VERSION or NAME==VERSION."
            )
        constraints.append(f"{parts['name']}=={parts['floor']}")
    return constraints


if __name__ == "__main__":
    try:
        print("\n".join(oldest()))
    except ValueError as error:
        sys.exit(str(error))
