# SPDX-License-Identifier: Apache-2.0
"""What docstrings have to say: those of public names Args, Returns, Raises and a source, those of
packages their modules.

That they have examples, and that these run, is in test_docstring_examples.py.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
from pathlib import Path
from typing import Any

import pytest

import ubp

# Methods that come from a paper, which the docstring names.
FROM_PAPERS = {
    "ADMM",
    "GlobalBudget",
    "KernelPattern",
    "PolynomialDecay",
    "QuantizeAware",
    "ReweightedRegularization",
    "UnalignedBlock",
    "map_schemes",
    "prune_without_training",
    "select_blocks",
    "select_blocks_global",
}
_SOURCE = re.compile(r"arXiv\s+\d{4}\.\d{5}|Everett 1963")
_SECTION = re.compile(r"^(Args|Attributes|Returns|Raises):\n((?: {4}.*\n|\n)+)", re.MULTILINE)
_ENTRY = re.compile(r"^ {4}(\w+(?:, \w+)*): \S", re.MULTILINE)

PACKAGES = sorted(path.parent for path in Path(ubp.__path__[0]).rglob("__init__.py"))
FUNCTIONS = [name for name in ubp.__all__ if not name[0].isupper()]
CLASSES = [name for name in ubp.__all__ if name[0].isupper()]


def sections(thing: Any) -> dict[str, str]:
    """The sections of its own docstring."""
    text = inspect.cleandoc(thing.__doc__ or "") + "\n"
    return {match[1]: match[2] for match in _SECTION.finditer(text)}


def entries(section: str) -> set[str]:
    """The names that a section explains; several may share an entry."""
    return {name for match in _ENTRY.finditer(section) for name in match[1].split(", ")}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_explains_its_arguments_and_result(name: str) -> None:
    function = getattr(ubp, name)
    signature = inspect.signature(function)
    found = sections(function)
    assert entries(found.get("Args", "")) == set(signature.parameters)
    assert ("Returns" in found) == (signature.return_annotation != "None")
    assert found.get("Raises", "").strip()


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_explains_what_it_is_made_of(name: str) -> None:
    kind = getattr(ubp, name)
    explained = set()
    for each in kind.__mro__:
        found = sections(each)
        explained |= entries(found.get("Attributes", "")) | entries(found.get("Args", ""))
    if dataclasses.is_dataclass(kind):
        wanted = {field.name for field in dataclasses.fields(kind)}
    elif inspect.isabstract(kind):
        wanted = set()
    else:
        wanted = set(inspect.signature(kind).parameters) - {"model_path", "model_content"}
    assert wanted <= explained


@pytest.mark.parametrize("name", CLASSES)
def test_public_methods_of_a_class_are_explained(name: str) -> None:
    for method, value in vars(getattr(ubp, name)).items():
        if not method.startswith("_") and (
            inspect.isfunction(value) or isinstance(value, property)
        ):
            assert inspect.getdoc(getattr(getattr(ubp, name), method)), method


@pytest.mark.parametrize("name", sorted(FROM_PAPERS))
def test_a_method_of_a_paper_names_it(name: str) -> None:
    assert _SOURCE.search(getattr(ubp, name).__doc__)


def is_command(module: Path) -> bool:
    """Whether a module has `add` and `run`: the commands of ubp.cli need no list."""
    body = ast.parse(module.read_text("utf-8")).body
    return {"add", "run"} <= {node.name for node in body if isinstance(node, ast.FunctionDef)}


def in_package(folder: Path) -> set[str]:
    """The modules and packages in a package, as a list names them."""
    files = [each for each in folder.glob("*.py") if not each.name.startswith("__")]
    packages = {f"{each.parent.name}/" for each in folder.glob("*/__init__.py")}
    return packages | {each.name for each in files if not is_command(each)}


@pytest.mark.parametrize("folder", PACKAGES, ids=lambda folder: folder.name)
def test_a_package_that_lists_its_modules_lists_all(folder: Path) -> None:
    text = ast.get_docstring(ast.parse((folder / "__init__.py").read_text("utf-8")))
    assert text is not None
    named = set(re.findall(r"(?<![\w/])(?!__)\w+(?:\.py\b|/)", text))
    inside = in_package(folder)
    if named & inside:
        assert inside <= named
        assert {name for name in named if name.endswith(".py")} <= inside


def test_sections_are_found() -> None:
    """Or else the checks above check nothing."""
    found = sections(ubp.load_delegate)
    assert set(found) == {"Args", "Returns", "Raises"}
    assert entries(found["Args"]) == {"options"}
