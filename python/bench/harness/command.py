"""The command of a benchmark: what `./run bench NAME` does whatever NAME is."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from bench.harness.output import ResultFolder
from bench.harness.page import PAGE, write_section

_OUTPUT = Path("bench_output")
_QUICK_OUTPUT = _OUTPUT / "quick"
_INTERRUPTED = 130  # exit status, as shells have it


@dataclass(frozen=True)
class Benchmark:
    """A benchmark.

    name: as in `./run bench NAME`.
    heading: of its section of docs/performance.md.
    render: the section's body, from the results as `ResultFolder.load` gives them.
    run: measures, prints and saves; returns the exit status.
    text_width: characters of a line, where there is no terminal to ask.
    """

    name: str
    heading: str
    render: Callable[[dict[str, Any]], str]
    run: Callable[[argparse.Namespace, ResultFolder, Console], int]
    text_width: int = 100

    def parser(self, description: str, files: str = "", quick: str = "") -> argparse.ArgumentParser:
        """A parser with the options that all benchmarks have.

        Args:
            description: of the benchmark.
            files: what it writes beside NAME.json, for --help: " and selection.png".
            quick: what --quick does, or nothing where there is no such option.
        """
        parser = argparse.ArgumentParser(prog=f"./run bench {self.name}", description=description)
        quick_default = f", with --quick {_QUICK_OUTPUT}" if quick else ""
        parser.add_argument(
            "--output",
            type=Path,
            metavar="DIR",
            help=f"where {self.name}.json{files} go; results of an earlier run there are "
            f"overwritten (default: {_OUTPUT}{quick_default})",
        )
        parser.set_defaults(quick=False)
        if quick:
            parser.add_argument("--quick", action="store_true", help=quick)
        parser.add_argument(
            "--write-docs",
            action="store_true",
            help=f"measure nothing; write a section of docs/performance.md from {self.name}.json",
        )
        return parser

    def main(self, parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> int:
        """Run the command; returns the exit status. What goes wrong is one sentence on stderr."""
        options = parser.parse_args(arguments)
        width = None if sys.stdout.isatty() else self.text_width
        console = Console(highlight=False, soft_wrap=True, width=width)
        default = _QUICK_OUTPUT if options.quick else _OUTPUT
        try:
            folder = ResultFolder(options.output or default, self.name)
            if not options.write_docs:
                return self.run(options, folder, console)
            write_section(self.heading, self.render(folder.load()))
            console.print(f"Wrote the section '{self.heading}' of {PAGE}.")
        except (OSError, RuntimeError, ValueError) as error:
            print(f"bench {self.name}: error: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print(f"\nbench {self.name}: interrupted.", file=sys.stderr)
            return _INTERRUPTED
        return 0
