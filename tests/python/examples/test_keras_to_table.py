# SPDX-License-Identifier: Apache-2.0
"""The notebook runs from its first cell to its last, and is kept without outputs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

NOTEBOOK = Path(__file__).parents[3] / "examples" / "keras_to_table.ipynb"


def test_it_is_kept_without_outputs() -> None:
    cells = json.loads(NOTEBOOK.read_text("utf-8"))["cells"]
    codes = [cell for cell in cells if cell["cell_type"] == "code"]
    assert len(codes) > 5
    for cell in codes:
        assert cell["outputs"] == [] and cell["execution_count"] is None


@pytest.mark.slow
def test_it_runs_and_shows_the_table(tmp_path: Path) -> None:
    import nbclient
    import nbformat

    notebook = nbformat.read(NOTEBOOK, as_version=4)
    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=600, resources=resources).execute()
    outputs: list[Any] = [each for cell in notebook.cells for each in cell.get("outputs", [])]
    text = "".join(each.get("text", "") for each in outputs)
    for name in ("dense", "single weights", "aligned blocks", "unaligned blocks"):
        assert f"\n{name} " in text
    pictures = [each for each in outputs if "image/png" in each.get("data", {})]
    assert len(pictures) == 4
    assert list(tmp_path.iterdir()) == []
