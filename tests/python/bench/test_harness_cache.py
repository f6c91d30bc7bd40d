# SPDX-License-Identifier: Apache-2.0
"""Files that take long to make."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.harness.cache import code_and_versions, replacing


def test_a_file_that_is_not_finished_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    with replacing(path) as unfinished:
        unfinished.write_text("old")
        assert not path.exists()
    assert path.read_text() == "old"

    def fail() -> None:
        with replacing(path) as unfinished:
            unfinished.write_text("half")
            raise RuntimeError("interrupted")

    with pytest.raises(RuntimeError, match="interrupted"):
        fail()
    assert path.read_text() == "old"
    assert [file.name for file in path.parent.iterdir()] == ["file"]


def test_a_package_is_all_that_is_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "some_package" / "inner"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").touch()
    (folder / "module.py").write_text("a = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    whole, one = (
        lambda: code_and_versions(["some_package"]),
        lambda: code_and_versions(["some_package.inner.module"]),
    )
    before = whole(), one()
    assert before == (whole(), one())
    (folder / "other.py").touch()
    (folder / "module.py").write_text("a = 2\n")
    assert whole()["code"] != before[0]["code"] and one()["code"] != before[1]["code"]
    with pytest.raises(ValueError, match=r"there is no module some_package\.missing"):
        code_and_versions(["some_package.missing"])
