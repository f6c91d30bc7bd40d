# SPDX-License-Identifier: Apache-2.0
"""Command lines of the pages: the program understands them, and `./run` knows its commands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import pytest
from page_blocks import PAGES, ROOT, blocks_of

from ubp.cli import program

RUN_COMMANDS = set(re.findall(r"^  ([a-z-]+)\)", (ROOT / "run").read_text(), re.MULTILINE))


def command_lines() -> Iterator[tuple[str, list[str]]]:
    """Where each is, and its words."""
    for path in PAGES:
        for block in blocks_of(path):
            if block.language:
                continue
            text = block.text.replace("\\\n", " ")
            for line in text.splitlines():
                if line.strip().startswith(("ubp ", ".venv/bin/ubp ", "./run ")):
                    for part in line.split("&&"):
                        yield f"{block.page}:{block.line}", shlex.split(part, comments=True)


LINES = list(command_lines())


@pytest.mark.parametrize(("place", "words"), LINES, ids=[" ".join(words) for _, words in LINES])
def test_a_command_line_is_understood(place: str, words: list[str]) -> None:
    if words[0] == "./run":
        assert words[1] in RUN_COMMANDS, place
        if words[1] in ("bench", "experiment") and len(words) > 2:
            assert (ROOT / "python" / words[1] / words[2]).is_dir(), place
        return
    try:
        program._parser().parse_args(words[1:])
    except (Exception, SystemExit) as error:
        pytest.fail(f"{place}: {' '.join(words)}: {error}")


def test_there_are_many() -> None:
    assert len(LINES) > 25 and {"bench", "docs", "test"} <= RUN_COMMANDS


def test_names_of_benchmarks_are_right() -> None:
    """Also in the text."""
    for path in PAGES:
        for kind, name in re.findall(r"`\./run (bench|experiment) ([a-z0-9]+)", path.read_text()):
            assert (ROOT / "python" / kind / name).is_dir(), (path, kind, name)


def test_the_page_of_benchmarks_lists_all() -> None:
    text = (ROOT / "docs" / "benchmarks.md").read_text()
    for kind in ("bench", "experiment"):
        folders = {each.parent.name for each in (ROOT / "python" / kind).glob("*/section.md.j2")}
        listed = text.partition(f"| `./run {kind}` |")[2].partition("\n\n")[0]
        assert set(re.findall(r"^\| `(\w+)` \|", listed, re.MULTILINE)) == folders, kind
