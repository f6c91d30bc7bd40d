# SPDX-License-Identifier: Apache-2.0
"""What share of the readers' lines the corpora of tests/fuzz reach: `./run fuzz coverage`."""

import argparse
import json
from pathlib import Path


def main(arguments: list[str] | None = None) -> int:
    """Print the lines of each file that were counted and reached; 1 if too few were, else 0."""
    parser = argparse.ArgumentParser(prog="./run fuzz coverage", description=__doc__)
    parser.add_argument("summary", type=Path, help="from `llvm-cov export -summary-only`")
    parser.add_argument("--least", type=float, default=95.0, help="percent of all lines (95)")
    options = parser.parse_args(arguments)
    reached = counted = 0
    for file in json.loads(options.summary.read_text())["data"][0]["files"]:
        lines = file["summary"]["lines"]
        reached += lines["covered"]
        counted += lines["count"]
        print(_line(lines["covered"], lines["count"], Path(file["filename"]).name))
    print(_line(reached, counted, f"in all; expected at least {options.least:g}%"))
    return int(100 * reached < options.least * counted)


def _line(reached: int, counted: int, what: str) -> str:
    return f"{reached:5} of {counted:5} lines  {100 * reached / max(1, counted):5.1f}%  {what}"


if __name__ == "__main__":
    raise SystemExit(main())
