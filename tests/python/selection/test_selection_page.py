# SPDX-License-Identifier: Apache-2.0
"""docs/selection.md: its code runs as it stands, from the first block to the last."""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib
import numpy as np

import ubp
from ubp.selection import METHODS, NORMALIZATIONS

PAGE = Path(__file__).parents[3] / "docs" / "selection.md"
CODE = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


def test_the_code_of_the_page_runs(tmp_path, monkeypatch):
    matplotlib.use("agg")
    monkeypatch.chdir(tmp_path)
    blocks = CODE.findall(PAGE.read_text())
    assert len(blocks) == 4
    kernel = np.random.default_rng(0).standard_normal((3, 3, 8, 32))
    exec("\n".join(blocks), {"np": np, "ubp": ubp, "kernel": kernel})
    assert (tmp_path / "curves.png").stat().st_size > 10_000


def test_the_page_names_all_methods_and_rules():
    rows = re.findall(r"^\| `\"?(\w+)", PAGE.read_text(), re.MULTILINE)
    assert set(METHODS) <= set(rows)
    assert set(NORMALIZATIONS) <= set(rows)
