# SPDX-License-Identifier: Apache-2.0
"""A worker as its parent sees it: restarted when it dies, ended when it hangs."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from fuzz.compare import Outcome
from fuzz.kinds import KINDS

_BUSY = 10  # a machine on which a process gets less than one core in so many is hung itself
_LINES_OF_ERRORS = 60  # a sanitizer's report is about as long

# What malloc gives is full of huge numbers, so that what is read unwritten does not go unseen.
_ENVIRONMENT = {"MALLOC_PERTURB_": "128", "PYTHONPATH": str(Path(__file__).parents[1])}


class Worker:
    """One process of fuzz.worker, for cases of one of KINDS; ends with the `with` block.

    Args:
        kind: a key of KINDS.
        environment: added to this process's.

    A worker is asked for something by `ask`, and `answers` then yields what it has come to, until
    `busy` is false.
    """

    def __init__(self, kind: str, environment: Mapping[str, str] | None = None) -> None:
        self._kind = kind
        self._environment = {**os.environ, **_ENVIRONMENT, **(environment or {})}
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed by __exit__)
        self._rest: dict[str, Any] | None = None
        self._phase = ""
        self._index = 0
        self._heard = self._cpu = 0.0  # time and processor time when it answered last
        self._buffer = b""
        self._start()

    def _start(self) -> None:
        self._errors.seek(0)
        self._errors.truncate()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "fuzz.worker", self._kind],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=self._environment,
        )
        self._buffer, self._phase = b"", ""

    @property
    def busy(self) -> bool:
        return self._rest is not None

    @property
    def output(self) -> Any:
        """What becomes readable when there is an answer."""
        return self.process.stdout

    def ask(self, request: dict[str, Any]) -> None:
        self._rest, self._index = request, request.get("first", 0)
        self._heard, self._cpu = time.monotonic(), self._cpu_seconds()
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):  # `answers` finds that it has ended
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
            self.process.stdin.flush()

    def answers(self, wait: float) -> Iterator[tuple[int, Outcome]]:
        """What has come within some seconds; a death or a hang is an outcome, too."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.output, selectors.EVENT_READ)
            ready = selector.select(wait)
        if not ready:
            if self._hangs():
                self.process.kill()
                yield self._index, self._ended("hang", "no answer")
            return
        data = os.read(self.output.fileno(), 1 << 16)
        self._heard, self._cpu = time.monotonic(), self._cpu_seconds()
        if not data:
            yield self._index, self._ended("death", "the process ended")
            return
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            answer = json.loads(line)
            self._index = answer["index"]
            if "phase" in answer:
                self._phase = answer["phase"]
                continue
            self._done(self._index + 1)
            yield self._index, Outcome(**answer["outcome"])

    def _hangs(self) -> bool:
        """Processor time counts: on a busy machine a case may take long without any fault."""
        most = KINDS[self._kind].seconds
        waited = time.monotonic() - self._heard
        return self._cpu_seconds() - self._cpu > most or waited > _BUSY * most

    def _cpu_seconds(self) -> float:
        try:
            fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        except FileNotFoundError:  # it has ended
            return self._cpu
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _done(self, following: int) -> None:
        """The cases before a number are; what was asked for may end there."""
        assert self._rest is not None
        left = self._rest.get("first", 0) + self._rest.get("count", 1) - following
        self._phase = ""
        self._rest = None if left < 1 else self._rest | {"first": following, "count": left}

    def _ended(self, verdict: str, what: str) -> Outcome:
        """Restart, and go on behind the case that the process ended at."""
        status = self.process.wait()
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        notable = [line for line in lines if not line.startswith(("INFO", "UBP delegate: WARNING"))]
        if self._phase == "plain":
            verdict = f"plain {verdict}"
        elif self._phase == "":
            verdict = "broken"  # before anything of ours or of the interpreter's ran
        message = [f"{what}, status {status}", *notable[-_LINES_OF_ERRORS:]]
        outcome = Outcome(verdict, "\n".join(message))
        self._close()
        self._start()
        self._done(self._index + 1)
        if self._rest is not None:
            self.ask(self._rest)
        return outcome

    def _close(self) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.process.kill()
        self.process.wait()
        self._close()
        self._errors.close()


def check_apart(worker: Worker, path: Path) -> Outcome:
    """The outcome of a saved case, in a worker that has nothing else to do."""
    worker.ask({"case": str(path)})
    while True:
        for _, outcome in worker.answers(1.0):
            return outcome
