# SPDX-License-Identifier: Apache-2.0
"""README.md is short, and its figures are those of docs/performance.md."""

from __future__ import annotations

import re
import tomllib

from page_blocks import ROOT

README = (ROOT / "README.md").read_text("utf-8")


def test_it_is_short() -> None:
    lines = README.splitlines()
    assert len(lines) < 120 and max(map(len, lines)) < 240
    code = re.search(r"```python\n(.*?)```", README, re.DOTALL)
    assert code is not None
    lines = [line for line in code[1].splitlines() if line and not line.startswith("import ")]
    assert len(lines) <= 20


def test_the_packages_it_names_are_those_of_the_project() -> None:
    """With the same floors."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [each for extra in extras["optional-dependencies"].values() for each in extra]
    named = re.findall(r'"(\w+>=[\d.]+)"', README)
    assert len(named) == 3 and set(named) <= set(wanted)


def test_its_figures_are_those_of_the_benchmarks() -> None:
    """`./run bench models --write-docs` writes both."""
    page = (ROOT / "docs" / "performance.md").read_text("utf-8")
    rows = re.findall(r"^\| (\w+) \| (\d+%) \| ([\d. |]+x) \|$", README, re.MULTILINE)
    assert len(rows) == 6
    for network, zeros, figures in rows:
        assert f"| {network} | {zeros} | 1 | {figures} |" in page
