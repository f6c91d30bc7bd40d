# SPDX-License-Identifier: Apache-2.0
"""Sections of pages, and the arguments that benchmarks share."""

from __future__ import annotations

import argparse
from pathlib import Path
from types import SimpleNamespace

import jinja2
import pytest
from bench_reports import DATE, MACHINE

from bench.harness import page
from bench.harness.command import names_of, numbers, numbers_among, rounds
from bench.harness.page import PERFORMANCE, render, replace_section

TEXT = """# Title

Head.

## One

<!-- one -->

old one

### Part

1

## Two

<!-- two -->

old two
"""


def test_a_section_is_replaced_where_its_command_is_named() -> None:
    new = "## Another heading\n\nnew\n\n### Part\n\n2\n"
    assert replace_section(TEXT, "one", new) == (
        "# Title\n\nHead.\n\n## Another heading\n\n<!-- one -->\n\nnew\n\n### Part\n\n2\n"
        "\n## Two\n\n<!-- two -->\n\nold two\n"
    )
    assert replace_section(TEXT, "two", "## Two\n\nnew") == TEXT.replace("old two", "new")


def test_a_new_section_comes_last() -> None:
    added = "\n## Three\n\n<!-- three -->\n\nnew\n"
    assert replace_section(TEXT, "three", "## Three\n\nnew\n") == TEXT + added
    assert replace_section(TEXT, "on", "## One\n\nnew").startswith(TEXT)


def test_replacing_again_changes_nothing() -> None:
    once = replace_section(TEXT, "one", "## One\n\nnew")
    assert replace_section(once, "one", "## One\n\nnew") == once


def test_the_page_is_made_when_it_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "DOCS", tmp_path)
    for command, body in (("one", "first"), ("two", "second"), ("one", "again")):
        PERFORMANCE.write_section(command, f"## {command}\n\n{body}\n")
    text = PERFORMANCE.path.read_text()
    assert text.startswith("# Performance\n")
    assert text.endswith("\n## one\n\n<!-- one -->\n\nagain\n\n## two\n\n<!-- two -->\n\nsecond\n")


def test_machine() -> None:
    report = SimpleNamespace(machine=MACHINE, date=DATE)
    assert render("bench/harness/machine.md.j2", report=report).splitlines() == [
        "- processor: A Processor, 2 cores, Linux x86_64",
        "- vector instructions: avx2",
        "- versions: python 3.11.2, ubp 0.1.0",
        f"- delegate: library with SHA-256 {16 * 'a'}...",
        f"- date: {DATE}",
    ]


def test_what_a_template_lacks_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError, match="'report' is undefined"):
        render("bench/harness/machine.md.j2")


def test_arguments() -> None:
    assert names_of("animal", {"cat": 1, "dog": 2})("dog,cat") == ["dog", "cat"]
    assert numbers(0, 99)("0,99") == [0, 99]
    assert numbers_among("size", (1, 2, 4))("4,1") == [4, 1]
    assert rounds("1") == 1


@pytest.mark.parametrize(
    ("parse", "text", "message"),
    [
        (names_of("animal", ["cat"]), "cat,cow", "there is no animal 'cow'; there are cat"),
        (numbers_among("size", (1, 2, 4)), "3", "there is no size '3'; there are 1, 2, 4"),
        (numbers(1, 9), "1,,2", "'' is not a number from 1 to 9"),
        (numbers(1, 9), "-1", "'-1' is not a number from 1 to 9"),
        (rounds, "0", "'0' is not a number from 1 to 10000"),
    ],
)
def test_wrong_arguments_are_named(parse, text: str, message: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError) as error:
        parse(text)
    assert str(error.value) == message
