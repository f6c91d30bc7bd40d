# SPDX-License-Identifier: Apache-2.0
"""The table shows what was measured, and fits a terminal of 80 columns."""

from pathlib import Path

from rich.console import Console

from demo.measure import Row
from demo.table import results_table, save_text

DENSE = Row("dense", 0.9933, 0.0, 16514 * 1024, 1, 105.4321, None, None)
PRUNED = Row("unstructured", 0.9876, 0.7994, 3718 * 1024, 2, 104.0, 39.1239, 2.6949)


def test_every_figure_is_shown(tmp_path: Path) -> None:
    save_text(results_table({"a network": [DENSE, PRUNED]}), tmp_path / "table.txt")
    lines = (tmp_path / "table.txt").read_text().splitlines()
    cells = [line.split() for line in lines]
    assert ["a", "network"] in cells
    assert ["dense", "99.3%", "0%", "16514", "1", "105.432"] in cells
    expected = ["unstructured", "98.8%", "80%", "3718", "2", "104.000", "39.124", "2.69x"]
    assert expected in cells


def test_80_columns_are_enough() -> None:
    console = Console(width=80)
    with console.capture() as captured:
        console.print(results_table({"MobileNet, 224x224": [DENSE, PRUNED]}))
    text = captured.get()
    assert "…" not in text
    assert "MobileNet, 224x224" in text
    assert "speed-up" in text
