# SPDX-License-Identifier: Apache-2.0
"""The command of a benchmark or an experiment: what `./run bench NAME` does whatever NAME is."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Generic, TypeVar

from rich.console import Console

import ubp
from bench.harness import page
from bench.harness.machine import library_digest
from bench.harness.page import Page
from bench.harness.results import ResultFolder

_INTERRUPTED = 130  # exit status, as shells have it
_MOST_ROUNDS = 10_000

_Report = TypeVar("_Report")


@dataclass(frozen=True)
class Kind:
    """What benchmarks, or experiments, have in common.

    word: as in `./run WORD NAME`, which is also the Python package.
    output: the folder that results go to.
    page: that each writes a section of.
    interrupted: what is said to who interrupts it.
    times: whether results are of the library that they were measured with, and of no other.
    """

    word: str
    output: Path
    page: Page
    interrupted: str = "interrupted."
    times: bool = False

    @property
    def quick_output(self) -> Path:
        """Where results go with --quick."""
        return self.output / "quick"


BENCHMARK = Kind("bench", Path("bench_output"), page.PERFORMANCE, times=True)


def _delegate_of(report: Any) -> tuple[str, Path]:
    return report.machine.delegate, Path(ubp.delegate_path())


@dataclass(frozen=True)
class Command(Generic[_Report]):
    """A benchmark or an experiment.

    name: as in `./run bench NAME`, which is also its folder in the package.
    report: the class of its results.
    measure: makes them; may save what it has in the folder, and keep files there.
    show: prints them.
    values: what its template section.md.j2 shows beside `report`.
    draw: draws them, into a file whose suffix says its format; overwrites it.
    picture_in_docs: whether the section shows the picture, as docs/NAME.svg.
    is_met: whether they are good enough for exit status 0.
    kind: which of the two it is.
    text_width: characters of a line, where there is no terminal to ask.
    library: SHA-256 of the library that a report is of, and where that library is now.
    """

    name: str
    report: type[_Report]
    measure: Callable[[argparse.Namespace, ResultFolder, Console], _Report]
    show: Callable[[_Report, Console], None]
    values: Callable[[_Report], dict[str, Any]]
    draw: Callable[[Path, _Report], None] | None = None
    picture_in_docs: bool = False
    is_met: Callable[[_Report], bool] = lambda report: True
    kind: Kind = BENCHMARK
    text_width: int = 100
    library: Callable[[_Report], tuple[str, Path]] = _delegate_of

    def parser(self, description: str, files: str = "", quick: str = "") -> argparse.ArgumentParser:
        """A parser with the options that all benchmarks have.

        Args:
            description: of the benchmark.
            files: what it writes beside NAME.json, for --help: " and selection.png".
            quick: what --quick does, or nothing where there is no such option.
        """
        kind = self.kind
        parser = argparse.ArgumentParser(prog=self._command, description=description)
        quick_default = f", with --quick {kind.quick_output}" if quick else ""
        parser.add_argument(
            "--output",
            type=Path,
            metavar="DIR",
            help=f"where {self.name}.json{files} go; results of an earlier run there are "
            f"overwritten (default: {kind.output}{quick_default})",
        )
        parser.set_defaults(quick=False)
        if quick:
            parser.add_argument("--quick", action="store_true", help=quick)
        parser.add_argument(
            "--write-docs",
            action="store_true",
            help=f"run nothing; write a section of docs/{kind.page.name} from {self.name}.json",
        )
        return parser

    def main(self, parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> int:
        """Run the command; returns the exit status. What goes wrong is one sentence on stderr."""
        options = parser.parse_args(arguments)
        width = None if sys.stdout.isatty() else self.text_width
        console = Console(highlight=False, soft_wrap=True, width=width)
        default = self.kind.quick_output if options.quick else self.kind.output
        try:
            folder = ResultFolder(options.output or default, self.name)
            if not options.write_docs:
                return self._run(options, folder, console)
            self._write_docs(folder.load(self.report), console)
        except (OSError, RuntimeError, ValueError) as error:
            print(f"{self.kind.word} {self.name}: error: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print(f"\n{self.kind.word} {self.name}: {self.kind.interrupted}", file=sys.stderr)
            return _INTERRUPTED
        return 0

    def section(self, report: _Report, template: str = "section.md.j2") -> str:
        """The section of the page, in Markdown."""
        return page.render(self._template(template), report=report, **self.values(report))

    def _template(self, name: str) -> str:
        return f"{self.kind.word}/{self.name}/{name}"

    @property
    def _command(self) -> str:
        return f"./run {self.kind.word} {self.name}"

    def _run(self, options: argparse.Namespace, folder: ResultFolder, console: Console) -> int:
        report = self.measure(options, folder, console)
        self.show(report, console)
        folder.save(report)
        drawn = ""
        if self.draw is not None:
            self.draw(folder.picture, report)
            drawn = f" and {folder.picture}"
        console.print(f"Wrote {folder.json}{drawn}.")
        return 0 if self.is_met(report) else 1

    def _check_library(self, report: _Report) -> None:
        measured, library = self.library(report)
        built = library_digest(library)
        if measured != built:
            raise ValueError(
                f"{self.name}.json is of another library ({measured[:16]}...) than {library} "
                f"({built[:16]}...), and no page is written of it; run '{self._command}' again."
            )

    def _write_docs(self, report: _Report, console: Console) -> None:
        if self.kind.times:
            self._check_library(report)
        section = self.section(report)
        self.kind.page.write_section(self._command, section)
        drawn = ""
        if self.draw is not None and self.picture_in_docs:
            picture = page.DOCS / f"{self.name}.svg"
            self.draw(picture, report)
            drawn = f", and {picture}"
        if page.exists(self._template("readme.md.j2")):
            page.README.write_section(self._command, self.section(report, "readme.md.j2"))
            drawn += f", and one of {page.README.path}"
        heading = section.partition("\n")[0].removeprefix("## ")
        console.print(f"Wrote the section '{heading}' of {self.kind.page.path}{drawn}.")


def now() -> str:
    """The date and time of a report, ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


# ---- types of arguments; errors name the word that is wrong ------------------------------------


def names_of(what: str, known: Collection[str]) -> Callable[[str], list[str]]:
    """A parser of lists of names.

    Args:
        what: they are the names of, in the singular.
        known: all names.
    """

    def parse(text: str) -> list[str]:
        names = text.split(",")
        for name in names:
            if name not in known:
                raise argparse.ArgumentTypeError(
                    f"there is no {what} '{name}'; there are {', '.join(known)}"
                )
        return names

    return parse


def number(low: int, high: int) -> Callable[[str], int]:
    """A parser of one number from low to high."""
    return lambda text: _number(text, low, high)


def numbers(low: int, high: int) -> Callable[[str], list[int]]:
    """A parser of lists of numbers from low to high."""

    def parse(text: str) -> list[int]:
        return [_number(word, low, high) for word in text.split(",")]

    return parse


def numbers_among(what: str, known: Collection[int]) -> Callable[[str], list[int]]:
    """The same for numbers of which only some make sense."""
    by_name = {str(number): number for number in known}
    parse = names_of(what, by_name)
    return lambda text: [by_name[name] for name in parse(text)]


def rounds(text: str) -> int:
    """How often something is measured."""
    return _number(text, 1, _MOST_ROUNDS)


def _number(text: str, low: int, high: int) -> int:
    if not text.isdecimal() or not low <= int(text) <= high:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number from {low} to {high}")
    return int(text)
