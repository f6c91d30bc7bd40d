# SPDX-License-Identifier: Apache-2.0
"""The process that cases run in: it may die of one, or hang.

usage: python -m fuzz.worker KIND

Reads requests from standard input, a line of JSON each:

    {"seed": S, "first": A, "count": N}   cases A to A + N - 1 of a seed
    {"case": PATH}                        one that was saved

and answers each case by lines of JSON: {"index": I, "phase": P} before what might end the process,
P being "plain" or "delegate", and {"index": I, "outcome": {...}} after it.
"""

from __future__ import annotations

import json
import sys
import traceback
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from fuzz.case import Case
from fuzz.compare import Outcome
from fuzz.kinds import KINDS, Kind


def case_of(kind: Kind, request: dict[str, Any], index: int) -> Case:
    """The one that was saved, or the one of a number."""
    if "case" in request:
        return Case.load(Path(request["case"]))
    return kind.make(request["seed"], index)


def main() -> None:
    """Answer requests until there are no more."""
    kind = KINDS[sys.argv[1]]
    answers, sys.stdout = sys.stdout, sys.stderr

    def answer(**fields: Any) -> None:
        answers.write(json.dumps(fields) + "\n")
        answers.flush()

    for line in sys.stdin:
        request = json.loads(line)
        first = request.get("first", 0)
        for index in range(first, first + request.get("count", 1)):
            try:
                outcome = kind.check(case_of(kind, request, index), partial(answer, index=index))
            except Exception:
                outcome = Outcome("broken", traceback.format_exc())
            answer(index=index, outcome=asdict(outcome))


if __name__ == "__main__":
    main()
