"""A process with a network in another inference engine.

`python -m bench.peers.worker ENGINE MODEL THREADS` is that process, `Worker` its parent's side. A
request is a line of JSON, the answer another one:

{"run": {"input": path of .npy, "output": path of .npy}}   -> {}
{"time": number of inferences}                             -> {"ms": [of each inference]}

What an engine raises ends the process; the parent reports it.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from bench.harness.child import Child
from bench.peers.engines import ENGINES, Array, Engine
from bench.peers.environment import PYTHON, VARIABLES


class Worker(Child):
    """Runs one network in one engine. Between requests all its threads are stopped, so that none
    takes time from others by spinning for work.

    Its methods raise RuntimeError if the engine fails.

    Args:
        name: of the engine, for error messages.
        engine: a key of bench.peers.engines.ENGINES.
        model: a file that the engine reads.
    """

    def __init__(self, name: str, engine: str, model: Path, threads: int) -> None:
        command: list[str | Path] = [
            PYTHON,
            "-m",
            "bench.peers.worker",
            engine,
            model,
            str(threads),
        ]
        super().__init__(name, command, os.environ | VARIABLES)
        self.pause()

    def run(self, values: Array) -> Array:
        """The output for an input, which is also that of the timed inferences."""
        with tempfile.TemporaryDirectory() as folder:
            files = {name: str(Path(folder) / f"{name}.npy") for name in ("input", "output")}
            np.save(files["input"], values)
            self._request("run", files)
            return np.asarray(np.load(files["output"]))

    def time(self, inferences: int) -> list[float]:
        """Milliseconds of each of several inferences."""
        milliseconds: list[float] = self._request("time", inferences)["ms"]
        return milliseconds

    def _request(self, kind: str, argument: Any) -> dict[str, Any]:
        self.resume()
        try:
            return self.ask(json.dumps({kind: argument}))
        finally:
            self.pause()


def main() -> None:
    """Answer requests until standard input ends."""
    # Engines print to standard output; the answers go where nobody else writes.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    engine, model, threads = sys.argv[1:]
    serve(ENGINES[engine](Path(model), int(threads)), sys.stdin, answers)


def serve(engine: Engine, requests: TextIO, answers: TextIO) -> None:
    """Answer all requests."""
    for line in requests:
        answer: dict[str, Any] = {}
        ((kind, argument),) = json.loads(line).items()
        if kind == "run":
            engine.set_input(np.load(argument["input"]))
            np.save(argument["output"], engine.output())
        else:
            answer["ms"] = _time_block(engine, argument)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _time_block(engine: Engine, inferences: int) -> list[float]:
    elapsed = []
    for _ in range(inferences):
        begin = time.perf_counter_ns()
        engine.infer()
        elapsed.append((time.perf_counter_ns() - begin) / 1e6)
    return elapsed


if __name__ == "__main__":
    main()
