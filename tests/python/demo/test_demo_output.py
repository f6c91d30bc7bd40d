# SPDX-License-Identifier: Apache-2.0
"""The output folder: the demo's own names are overwritten, nothing else ever is."""

from pathlib import Path

import pytest

from demo.__main__ import main
from demo.output import FILES, INDEX, OutputFolder


def test_new_folder_is_made_with_an_index_of_all_names(tmp_path: Path) -> None:
    OutputFolder(tmp_path / "a" / "b")
    text = (tmp_path / "a" / "b" / INDEX).read_text()
    assert all(name in text for name in FILES)


def test_other_files_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    OutputFolder(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_own_folder_can_be_used_again(tmp_path: Path) -> None:
    OutputFolder(tmp_path).file("table.txt").write_text("old")
    OutputFolder(tmp_path).file("table.txt").write_text("new")


@pytest.mark.parametrize("name", [INDEX, *FILES])
def test_somebody_elses_file_of_our_name_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(FileExistsError, match=f"{name} that this demo did not make"):
        OutputFolder(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {name}
    assert (tmp_path / name).read_text() == "mine"


def test_only_listed_names_can_be_written(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match=r"notes\.txt"):
        OutputFolder(tmp_path).file("notes.txt")


def test_command_line_reports_a_bad_folder_in_one_sentence(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("mine")
    assert main(["--output", str(tmp_path / "file")]) == 1
    assert capfd.readouterr().err == (
        f"demo: error: {tmp_path / 'file'} is a file; name a folder with --output.\n"
    )


def test_missing_delegate_is_reported_before_anything_is_done(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UBP_DELEGATE", str(tmp_path / "missing.so"))
    assert main(["--output", str(tmp_path / "output")]) == 1
    assert "missing.so, which does not exist" in capfd.readouterr().err
    assert not (tmp_path / "output").exists()
