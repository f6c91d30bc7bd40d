# SPDX-License-Identifier: Apache-2.0
"""The folder of results, reports as JSON, and the description of the machine."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import pytest

from bench.harness import machine
from bench.harness.results import ResultFolder, from_json, to_json


@dataclass(frozen=True)
class Part:
    ALSO_IN_JSON: ClassVar = ("double",)

    value: float

    @property
    def double(self) -> float:
        return 2 * self.value


@dataclass(frozen=True)
class Report:
    rounds: int
    parts: list[Part] = field(default_factory=list)
    named: dict[str, list[Part]] = field(default_factory=dict)
    best: Part | None = None
    words: list[str] | None = None


WHOLE = Report(3, [Part(1.5), Part(2.0)], {"a": [Part(3.0)]}, Part(4.0), ["b"])


def test_reports_are_json_and_back() -> None:
    data = json.loads(json.dumps(to_json(WHOLE)))
    assert data["named"] == {"a": [{"value": 3.0, "double": 6.0}]}
    assert from_json(Report, data) == WHOLE
    assert from_json(Report, to_json(Report(1))) == Report(1)


@pytest.mark.parametrize(
    "change",
    [
        {"rounds": 3, "more": 1},
        {"parts": []},
        {"rounds": 3, "parts": [{"valu": 1.0}]},
        {"rounds": 3, "parts": 1},
        {"rounds": 3, "named": []},
        {"rounds": 3, "best": 5},
    ],
)
def test_reports_of_another_version_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="another version of this program"):
        from_json(Report, change)


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    ResultFolder(tmp_path / "a" / "b", "kernels").save(WHOLE)
    assert json.loads((tmp_path / "a" / "b" / "kernels.json").read_text())["rounds"] == 3
    again = ResultFolder(tmp_path / "a" / "b", "kernels")
    again.picture.write_text("a picture")
    assert again.load(Report) == WHOLE
    ResultFolder(tmp_path / "a" / "b", "kernels").save(Report(4))
    assert again.load(Report) == Report(4)


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
        ResultFolder(tmp_path, "models").load(Report)


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
