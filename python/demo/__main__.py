# SPDX-License-Identifier: Apache-2.0
"""The command line of the demo."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

import ubp
from bench.harness.quiet import held_back_stderr
from demo.output import INDEX, OutputFolder
from demo.settings import FULL, QUICK, TEXT_WIDTH

_DEFAULT_OUTPUT = Path("demo_output")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; returns the exit status."""
    options = _parser().parse_args(arguments)
    start = time.monotonic()
    width = None if sys.stdout.isatty() else TEXT_WIDTH
    console = Console(highlight=False, soft_wrap=True, width=width)
    try:
        ubp.delegate_path()  # found missing now rather than after the training
        output = OutputFolder(options.output)
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # read when TensorFlow is loaded
        console.print("Loading TensorFlow ...")
        with held_back_stderr():
            from demo.steps import run_demo  # not before the folder is known to be good

        run_demo(QUICK if options.quick else FULL, output, console)
    except (OSError, RuntimeError, ValueError) as error:
        print(f"demo: error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ndemo: interrupted.", file=sys.stderr)
        return 130
    minutes, seconds = divmod(round(time.monotonic() - start), 60)
    console.print(f"\nDone in {minutes} min {seconds:02} s.")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./run demo",
        description="Train a network on real data, prune it in blocks, convert it and measure what "
        "that gains; then the same for the speed of MobileNet.",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=_DEFAULT_OUTPUT,
        metavar="DIR",
        help=f"where the table, the picture and the models go (default: {_DEFAULT_OUTPUT}); a "
        f"second run overwrites the files that {INDEX} there lists, and no others",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="hardly any training, a small MobileNet and short measurements: shows that all works, "
        "not how well",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
