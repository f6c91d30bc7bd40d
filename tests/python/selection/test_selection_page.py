# SPDX-License-Identifier: Apache-2.0
"""docs/selection.md names what there is; tests/python/docs runs its code."""

from __future__ import annotations

import re
from pathlib import Path

from ubp.selection import METHODS, NORMALIZATIONS

PAGE = Path(__file__).parents[3] / "docs" / "selection.md"


def test_the_page_names_all_methods_and_rules():
    rows = re.findall(r"^\| `\"?(\w+)", PAGE.read_text(), re.MULTILINE)
    assert set(METHODS) <= set(rows)
    assert set(NORMALIZATIONS) <= set(rows)
