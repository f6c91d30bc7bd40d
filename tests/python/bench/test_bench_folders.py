# SPDX-License-Identifier: Apache-2.0
"""One name for a benchmark: its folder, its tests, its section and what `./run` lists; and what it
may import."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

from bench.harness.page import ACCURACY, PERFORMANCE, Page

ROOT = Path(__file__).parents[3]
PYTHON = ROOT / "python"
OURS = {path.name for path in PYTHON.iterdir() if path.is_dir()}  # packages
PAGES = {"bench": PERFORMANCE, "experiment": ACCURACY}
SHARED = {
    "bench": {"harness", "all"},
    "experiment": {"strokes", "study"},
}  # folders that are no commands

# What one takes from elsewhere: the demo's network with its images and training.
MORE = {"permutation": {"demo.digits", "demo.training"}}


def folders(package: str) -> set[str]:
    return {path.parent.name for path in (PYTHON / package).glob("*/*.py")}


def commands(package: str) -> list[str]:
    return sorted(folders(package) - SHARED[package])


ALL = [(package, name) for package in PAGES for name in commands(package)]


def own_imports(source: str) -> set[str]:
    """The modules of this project that some code imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module is not None
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= names if node.module in OURS else {node.module}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if name.partition(".")[0] in OURS}


def beyond(folder: Path, allowed: set[str]) -> set[tuple[str, str]]:
    """File and module of what is imported in a folder, but is not in these packages."""
    return {
        (file.name, module)
        for file in folder.rglob("*.py")
        for module in own_imports(file.read_text())
        if not any(module == each or module.startswith(f"{each}.") for each in allowed)
    }


def test_imports_are_found(tmp_path: Path) -> None:
    code = (
        "import bench.models.report, numpy\nfrom bench import arm\n\ndef f():\n    import demo.x\n"
    )
    (tmp_path / "a.py").write_text(code + "from ubp.costs import b\n")
    assert beyond(tmp_path, {"ubp"}) == {
        ("a.py", "bench.models.report"),
        ("a.py", "bench.arm"),
        ("a.py", "demo.x"),
    }
    assert beyond(tmp_path, {"ubp", "demo", "bench.arm", "bench.model"}) == {
        ("a.py", "bench.models.report")
    }


@pytest.mark.parametrize("name", commands("bench"))
def test_a_benchmark_imports_the_harness_and_no_other_benchmark(name: str) -> None:
    allowed = {"ubp", "bench.harness", f"bench.{name}"} | MORE.get(name, set())
    assert beyond(PYTHON / "bench" / name, allowed) == set()


@pytest.mark.parametrize(
    ("folder", "allowed"),
    [
        ("bench/harness", {"ubp", "bench.harness", "fuzz.builder"}),
        ("bench/all", {"bench.harness", "bench.all"}),
        ("demo", {"ubp", "bench.harness", "demo"}),
        ("experiment/strokes", {"bench.harness", "experiment.strokes"}),
        ("experiment/study", {"ubp", "bench.harness", "experiment.strokes", "experiment.study"}),
        ("experiment/accuracy", {"bench.harness", "experiment.study", "experiment.accuracy"}),
        ("experiment/recipes", {"bench.harness", "experiment.study", "experiment.recipes"}),
    ],
)
def test_what_is_shared_knows_nobody_that_shares_it(folder: str, allowed: set[str]) -> None:
    assert beyond(PYTHON / folder, allowed) == set()


@pytest.mark.parametrize(("package", "name"), ALL)
def test_one_name_everywhere(package: str, name: str) -> None:
    folder = PYTHON / package / name
    licence, _, code = (folder / "__main__.py").read_text().partition("\n")
    assert licence.startswith("# SPDX")
    assert re.match(rf'""".*: `\./run {package} {name}`\.(""")?\n', code)
    assert f'\n    name="{name}",\n' in code
    assert (folder / "section.md.j2").read_text().startswith("## ")
    if package == "bench":
        assert (Path(__file__).parent / f"test_bench_{name}.py").is_file()


@pytest.mark.parametrize("package", PAGES)
def test_the_commands_are_listed_with_a_line_each(package: str) -> None:
    done = subprocess.run(["./run", package], cwd=ROOT, capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == commands(package)
    assert all(len(line.split()) > 3 for line in lines)


@pytest.mark.parametrize("package", PAGES)
def test_the_page_has_the_sections_of_its_commands(package: str) -> None:
    page: Page = PAGES[package]
    text = page.path.read_text()
    assert text.startswith(page.head)
    found = re.findall(rf"^## (.*)\n\n<!-- \./run {package} (\w+) -->$", text, re.MULTILINE)
    assert len(found) == len(re.findall("^## ", text, re.MULTILINE))
    for heading, name in found:
        template = PYTHON / package / name / "section.md.j2"
        assert template.read_text().startswith(f"## {heading}\n")
