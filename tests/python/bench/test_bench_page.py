"""Sections of docs/performance.md, and the arguments that benchmarks share."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest
from bench_reports import DATE, MACHINE

from bench.assembly import section as arm
from bench.harness import page
from bench.harness.arguments import names_of, numbers, numbers_among, rounds
from bench.harness.page import machine_lines, replace_section
from bench.layers import section as layers
from bench.networks import section as networks

PAGE = "# Title\n\nHead.\n\n## One\n\nold one\n\n### Part\n\n1\n\n## Two\n\nold two\n"


def test_a_section_is_replaced_between_its_own_headings() -> None:
    assert replace_section(PAGE, "One", "new\n\n### Part\n\n2\n") == (
        "# Title\n\nHead.\n\n## One\n\nnew\n\n### Part\n\n2\n\n## Two\n\nold two\n"
    )
    assert replace_section(PAGE, "Two", "new") == PAGE.replace("old two", "new")


def test_a_new_section_comes_last() -> None:
    assert replace_section(PAGE, "Three", "\nnew\n") == PAGE + "\n## Three\n\nnew\n"
    assert replace_section(PAGE, "On", "new").startswith(PAGE)


def test_replacing_again_changes_nothing() -> None:
    once = replace_section(PAGE, "One", "new")
    assert replace_section(once, "One", "new") == once


def test_the_page_is_made_when_it_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "PAGE", tmp_path / "performance.md")
    page.write_section("One", "first")
    page.write_section("Two", "second")
    page.write_section("One", "again")
    text = page.PAGE.read_text()
    assert text.startswith("# Performance\n")
    assert text.endswith("\n## One\n\nagain\n\n## Two\n\nsecond\n")


def test_the_page_in_the_repository_has_the_sections_of_the_benchmarks() -> None:
    titles = [line for line in page.PAGE.read_text().splitlines() if line.startswith("## ")]
    assert set(titles) >= {f"## {each.HEADING}" for each in (networks, layers, arm)}


def test_machine() -> None:
    lines = machine_lines(MACHINE, DATE).splitlines()
    assert lines[0] == "- processor: A Processor, 2 cores, Linux x86_64"
    assert lines[-1] == f"- date: {DATE}"


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
