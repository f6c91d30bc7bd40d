# SPDX-License-Identifier: Apache-2.0
"""The report on the lines that fuzz corpora reach."""

import json
from pathlib import Path

import pytest

from fuzz.coverage import main


@pytest.mark.parametrize(("reached", "expected"), [(85, 0), (84, 1)])
def test_fails_where_too_few_lines_of_all_files_are_reached(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], reached: int, expected: int
) -> None:
    files = [
        {"filename": "delegate/a.cc", "summary": {"lines": {"count": 90, "covered": reached}}},
        {"filename": "delegate/b.cc", "summary": {"lines": {"count": 10, "covered": 10}}},
    ]
    summary = tmp_path / "summary.json"
    summary.write_text(json.dumps({"data": [{"files": files}]}))
    assert main([str(summary)]) == expected
    first, _, total = capsys.readouterr().out.splitlines()
    percent = f"{100 * reached / 90:.1f}%"
    assert first.split() == [str(reached), "of", "90", "lines", percent, "a.cc"]
    assert total.startswith(f"{reached + 10:5} of   100 lines")
