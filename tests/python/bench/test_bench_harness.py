"""The folder of results, and the description of the machine."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from bench.harness import machine
from bench.harness.output import ResultFolder


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    ResultFolder(tmp_path / "a" / "b", "kernels").save({"rounds": 3})
    assert json.loads((tmp_path / "a" / "b" / "kernels.json").read_text())["rounds"] == 3
    again = ResultFolder(tmp_path / "a" / "b", "kernels")
    again.picture.write_text("a picture")
    assert again.load() == {"rounds": 3}
    ResultFolder(tmp_path / "a" / "b", "kernels").save({"rounds": 4})
    assert again.load() == {"rounds": 4}


@pytest.mark.parametrize("file", ["models.json", "models.png"])
@pytest.mark.parametrize("content", ["mine", "[1]", '{"benchmark": "kernels"}'])
def test_somebody_elses_file_is_refused(tmp_path: Path, file: str, content: str) -> None:
    (tmp_path / file).write_text(content)
    with pytest.raises(FileExistsError, match=f"{file} was not made by this command"):
        ResultFolder(tmp_path, "models")
    assert (tmp_path / file).read_text() == content


def test_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError, match="is a file"):
        ResultFolder(tmp_path / "file", "models")


def test_no_results_yet(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"models\.json: no such file; run this without"):
        ResultFolder(tmp_path, "models").load()


@pytest.mark.parametrize(
    ("text", "processor", "vectors"),
    [
        (
            "processor\t: 0\nmodel name\t: One\nflags\t\t: fpu avx2 fma\n\nmodel name\t: Two\n",
            "One",
            ["avx2"],
        ),
        ("processor\t: 0\nFeatures\t: fp asimd\n", None, ["asimd"]),
        (None, None, []),
    ],
)
def test_machine(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    text: str | None,
    processor: str | None,
    vectors: list[str],
) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    if text is not None:
        cpuinfo.write_text(text)
    monkeypatch.setattr(machine, "_CPUINFO", cpuinfo)
    this = machine.Machine.this()
    assert this.processor == processor or (processor is None and this.processor)
    assert this.instruction_sets == vectors
    assert this.cores == os.cpu_count()
    assert this.versions["ai-edge-litert"] != "none"


def test_missing_package_has_no_version() -> None:
    assert machine.package_version("no-such-package-anywhere") == "none"
