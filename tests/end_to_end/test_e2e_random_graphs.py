# SPDX-License-Identifier: Apache-2.0
"""Random graphs and damaged files, always the same ones; `./run fuzz` looks at more."""

from __future__ import annotations

from pathlib import Path

import pytest

from fuzz import command


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "count", "arguments"),
    [
        ("graphs", 1500, []),
        ("graphs", 150, ["--sanitized"]),
        ("graphs", 150, ["--backend", "gpu"]),
        ("int8", 800, []),
        ("files", 300, []),
    ],
    ids=["graphs", "graphs-sanitized", "graphs-gpu", "int8", "files"],
)
def test_none_fails(
    kind: str,
    count: int,
    arguments: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    gpu_environment: dict[str, str],
) -> None:
    monkeypatch.setenv("POCL_CACHE_DIR", gpu_environment["POCL_CACHE_DIR"])
    common = ["--count", str(count), "--seed", "13", "--jobs", "2", "--shrink", "3"]
    status = command.main(kind, "", [*common, "--output", str(tmp_path), *arguments])
    output = capsys.readouterr().out
    assert status == 0, output
    assert f"{count} cases in" in output
