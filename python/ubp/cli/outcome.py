# SPDX-License-Identifier: Apache-2.0
"""What a command has found: for people as text, for programs as one JSON object.

The object has the same fields whatever the command is; docs/command-line.md lists them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

import ubp
from ubp.machine import describe_machine

SCHEMA_VERSION = 1

EXIT_NEGATIVE = 1  # of a command that worked, with a negative verdict
EXIT_USAGE = 2
EXIT_ERROR = 3
EXIT_INTERRUPTED = 130  # as shells have it

_VERDICTS = {0: "passed", EXIT_NEGATIVE: "failed"}  # otherwise "error"


@dataclass(frozen=True)
class Outcome:
    """What a command returns when it could do its work.

    data: for programs, see `plain`.
    show: prints the same for people, on a console.
    failure: why the verdict is negative, in a sentence; empty where it is not.
    """

    data: Mapping[str, Any]
    show: Callable[[Console], None]
    failure: str = ""

    @property
    def status(self) -> int:
        """The exit status."""
        return EXIT_NEGATIVE if self.failure else 0


def document(
    command: str | None,
    status: int,
    data: Mapping[str, Any] | None = None,
    error: str = "",
    warnings: Sequence[str] = (),
) -> str:
    """The JSON object of a command.

    Args:
        command: its name; None where none was understood.
        status: its exit status.
        data: of its outcome; None where there is none.
        error: the sentence on what went wrong, or on a negative verdict.
        warnings: what else was said.

    Example:
        >>> json.loads(document("verify", 0, {"samples": 3}))["verdict"]
        'passed'
    """
    content = {
        "schema_version": SCHEMA_VERSION,
        "command": command,
        "ubp_version": ubp.__version__,
        "machine": describe_machine(),
        "verdict": _VERDICTS.get(status, "error"),
        "exit_status": status,
        "error": error or None,
        "warnings": list(warnings),
        "data": data,
    }
    return json.dumps(plain(content), indent=2, allow_nan=False) + "\n"


def plain(value: Any) -> Any:
    """A value as JSON can hold it: numbers that are not finite become null.

    Args:
        value: of dataclasses, mappings, sequences, paths, NumPy's scalars and arrays, and what JSON
            has itself.

    Raises:
        TypeError: if there is anything else in it.

    Example:
        >>> plain({"errors": (0.5, math.nan), "written": [Path("a.tflite")]})
        {'errors': [0.5, None], 'written': ['a.tflite']}
    """
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if hasattr(value, "tolist"):  # of NumPy
        return plain(value.tolist())
    raise TypeError(f"{type(value).__name__} is nothing that JSON can hold.")
