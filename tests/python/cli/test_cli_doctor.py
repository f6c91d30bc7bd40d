# SPDX-License-Identifier: Apache-2.0
"""`ubp doctor`: what is there, what is missing, what is broken."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from ubp.cli import main
from ubp.cli.installation import Finding, examine_installation

PROJECT = Path(__file__).parents[3] / "pyproject.toml"


@pytest.fixture(autouse=True)
def without_opencl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenCL on a CPU and TensorFlow do not go together in one process."""
    monkeypatch.setenv("UBP_OPENCL_LIBRARY", str(tmp_path / "none.so"))


def found(name: str) -> Finding:
    (finding,) = [finding for finding in examine_installation() if finding.name == name]
    return finding


@pytest.mark.usefixtures("wide_terminal")
def test_here_nothing_is_broken(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    table = capsys.readouterr().out
    assert "GPU" in table and "tensorflow-model-optimization" in table


def with_version(monkeypatch: pytest.MonkeyPatch, package: str, version: str | None) -> None:
    """Has a package say another version of itself, or not be there."""
    real = metadata.version

    def version_of(name: str) -> str:
        if name != package:
            return real(name)
        if version is None:
            raise metadata.PackageNotFoundError(name)
        return version

    monkeypatch.setattr(metadata, "version", version_of)


def test_every_package_that_is_asked_for_is_looked_at() -> None:
    project = tomllib.loads(PROJECT.read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["train"], *extras["report"], *extras["search"]]
    names = {finding.name for finding in examine_installation()}
    assert {re.split(r"[<>=]", requirement)[0] for requirement in wanted} <= names


def test_an_optional_package_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    with_version(monkeypatch, "jinja2", None)
    advice = "HTML reports: 'pip install \"jinja2>=3.1.6\"'"
    assert found("jinja2") == Finding("jinja2", "missing", "not installed", advice)
    assert main(["doctor"]) == 0


@pytest.mark.parametrize(
    ("package", "version", "said"),
    [("numpy", None, "not installed"), ("keras", "2.15.0", "2.15.0, too old")],
)
def test_what_cannot_work_is_a_verdict(
    package: str,
    version: str | None,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with_version(monkeypatch, package, version)
    assert main(["doctor", "--json"]) == 1
    text = capsys.readouterr()
    assert f"ubp: error: {package}: broken; the last column says what to do." in text.err
    document = json.loads(text.out)
    assert document["verdict"] == "failed" and document["data"]["healthy"] is False
    (finding,) = [each for each in document["data"]["findings"] if each["state"] == "broken"]
    assert (finding["name"], finding["found"]) == (package, said)
    assert f'pip install "{package}>=' in finding["advice"]


def test_a_library_that_is_none_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = tmp_path / "libubp_delegate.so"
    library.write_text("no library")
    monkeypatch.setenv("UBP_DELEGATE", str(library))
    finding = found("delegate")
    assert finding.state == "broken" and f"{library} cannot be loaded" in finding.found


def test_without_the_interpreter_it_says_so() -> None:
    program = (
        "import sys; sys.modules['ai_edge_litert'] = None\n"
        "from ubp.cli.installation import examine_installation\n"
        "print([f.found for f in examine_installation() if f.name == 'delegate'][0])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "ai_edge_litert" in done.stdout, done.stderr
