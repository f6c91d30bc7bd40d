# SPDX-License-Identifier: Apache-2.0
"""Which folder of the delegate may include which: the arrows of docs/architecture.md."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DELEGATE = ROOT / "delegate"

PAGE = ROOT / "docs" / "architecture.md"


def arrows(page: str) -> dict[str, set[str]]:
    """Each folder of the list in the page, and the others whose headers it may include."""
    listed = page.split("## Who may include whom")[1].split("```")[1]
    rows = (line.partition(":") for line in listed.strip().splitlines())
    return {folder: set(others.split()) for folder, _, others in rows}


MAY_INCLUDE = arrows(PAGE.read_text(encoding="utf-8"))
# Only the shell knows TensorFlow Lite.
KNOWS_TFLITE = {"tflite", "tflite/model"}
# Plain data that kernels, compiled once for each instruction set, may read.
FOR_KERNELS = {"delegate/graph/elementwise_function.h"}

INCLUDE = re.compile(r'^#include [<"]([^>"]+)[>"]', re.MULTILINE)


def folders() -> list[str]:
    paths = {path.parent for suffix in ("h", "cc") for path in DELEGATE.rglob(f"*.{suffix}")}
    return sorted(str(path.relative_to(DELEGATE)) for path in paths)


def includes(folder: str) -> list[tuple[str, str]]:
    """(file, what it includes), of the files right in a folder."""
    files = [path for path in (DELEGATE / folder).iterdir() if path.suffix in (".h", ".cc")]
    return [(path.name, what) for path in files for what in INCLUDE.findall(path.read_text())]


def test_every_folder_is_named() -> None:
    assert folders() == sorted(MAY_INCLUDE)


@pytest.mark.parametrize("folder", sorted(MAY_INCLUDE))
def test_includes_only_what_it_may(folder: str) -> None:
    for file, what in includes(folder):
        if what.startswith("tensorflow/"):
            assert folder in KNOWS_TFLITE, f"{folder}/{file} includes {what}"
        if not what.startswith("delegate/"):
            continue
        other = what.removeprefix("delegate/").rpartition("/")[0]
        assert other in MAY_INCLUDE[folder] | {folder}, f"{folder}/{file} includes {what}"
        if folder == "cpu/kernels" and other == "graph":
            assert what in FOR_KERNELS, f"{folder}/{file} includes {what}"


def test_the_arrows_have_no_circle() -> None:
    order: list[str] = []
    while len(order) < len(MAY_INCLUDE):
        ready = [f for f in MAY_INCLUDE if f not in order and MAY_INCLUDE[f] <= set(order)]
        assert ready, f"a circle among {set(MAY_INCLUDE) - set(order)}"
        order += ready
