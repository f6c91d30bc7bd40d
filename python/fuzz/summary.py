# SPDX-License-Identifier: Apache-2.0
"""What a run of the command found, and what it looked at."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from fuzz.compare import Outcome

# Errors of ours where the plain interpreter runs, each for a reason.
LIMITS = {
    # An operator that was taken in one form and would be another one for these inputs.
    r", expected \[batch, height, width, (\d+|channels)\]\.$": "another rank, or grouped channels",
    r", expected \[batch, channels, height, width\]\.$": "another rank",
    r" in int8, expected equal ones, or an image and \[batch, 1, 1, channels\]\.$": (
        "operands of other shapes than the model's"
    ),
    # The plain interpreter rounds towards zero, and may have an output without rows.
    r"pixels is too small for a kernel of \d+ x \d+\.$": "a window that does not fit",
    r"layer normalisation .*, expected \d+ dimensions": "a normalisation of other channels or axes",
    r"(ADD|SUB|MUL) .*, expected \[\.\.\., \d+\]\.$": "a constant that would be repeated",
}
FAILURES = ("wrong", "refused", "death", "hang", "broken")


def limit_of(message: str) -> str | None:
    """Why an error is one of the delegate's limits; None if it is not."""
    return next((why for pattern, why in LIMITS.items() if re.search(pattern, message)), None)


@dataclass
class Summary:
    """verdicts: cases by verdict; `limit` instead of `refused` where LIMITS has the error.

    taken: nodes that the delegate took, by operator.
    messages: of refusals, numbers left out.
    """

    verdicts: Counter[str] = field(default_factory=Counter)
    taken: Counter[str] = field(default_factory=Counter)
    messages: Counter[str] = field(default_factory=Counter)
    runs: int = 0
    errors: int = 0

    def add(self, outcome: Outcome) -> bool:
        """Count an outcome; returns whether it is a failure."""
        if outcome.verdict == "refused":
            if limit_of(outcome.message) is not None:
                outcome.verdict = "limit"
            sentence = outcome.message.partition(": ")[2]  # without the run
            self.messages[re.sub(r"\d+|'[^']*'", "#", sentence)] += 1
        self.verdicts[outcome.verdict] += 1
        self.taken.update(outcome.taken)
        self.runs += outcome.runs
        self.errors += outcome.errors
        return outcome.verdict in FAILURES

    @property
    def cases(self) -> int:
        return sum(self.verdicts.values())

    @property
    def failures(self) -> int:
        return sum(self.verdicts[verdict] for verdict in FAILURES)

    def lines(self, seconds: float) -> list[str]:
        per_case = 1000 * seconds / max(1, self.cases)
        lines = [
            f"{self.cases} cases in {seconds:.0f} s ({per_case:.1f} ms each)",
            f"{self.runs} runs, of which {self.errors} ended in an error",
            "verdicts: " + ", ".join(f"{name} {n}" for name, n in self.verdicts.most_common()),
        ]
        if self.taken:
            counts = ", ".join(f"{name} {n}" for name, n in self.taken.most_common())
            lines.append(f"nodes that the delegate took: {counts}")
        for message, count in self.messages.most_common():
            lines.append(f"refused {count} times: {message}")
        return lines
