# SPDX-License-Identifier: Apache-2.0
"""A program for the Python of another machine: random int8 graphs in the delegate and the default
interpreter of that machine.

usage: check_int8_graphs.py SEED FIRST COUNT

Prints what it has looked at. Ends with status 1 at the first graph that is wrong.
"""

from __future__ import annotations

import sys
from collections import Counter

from fuzz.exact import check_exactly
from fuzz.generate_int8 import generate_int8


def main() -> None:
    seed, first, count = map(int, sys.argv[1:4])
    verdicts: Counter[str] = Counter()
    for index in range(first, first + count):
        outcome = check_exactly(generate_int8(seed, index), lambda phase: None)
        verdicts[outcome.verdict] += 1
        if outcome.verdict in ("wrong", "broken"):
            sys.exit(f"graph {index} of seed {seed}: {outcome.message}")
    print(dict(verdicts))
    if verdicts["right"] < count * 0.9:
        sys.exit(f"only {verdicts['right']} of {count} graphs were compared")


if __name__ == "__main__":
    main()
