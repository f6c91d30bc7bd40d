# SPDX-License-Identifier: Apache-2.0
"""The command that looks for failures, whatever their kind: arguments, progress, what is saved."""

from __future__ import annotations

import argparse
import os
import select
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from tqdm import tqdm

from fuzz.case import Case
from fuzz.compare import Outcome
from fuzz.kinds import KINDS
from fuzz.process import Worker, check_apart
from fuzz.sanitized import sanitized_environment
from fuzz.shrink import shrink
from fuzz.summary import FAILURES, Summary
from ubp.tflite import flatbuffer

_BATCH = 25
_OUTPUT = Path("fuzz_output")


def main(kind: str, description: str, arguments: Sequence[str] | None = None) -> int:
    """Run `./run fuzz KIND`; returns 1 if anything failed."""
    word = kind
    options = _parser(kind, description).parse_args(arguments)
    if options.backend == "gpu":
        kind = _on_gpu(kind)
    if options.repeat is not None:
        return _repeat(kind, options)
    start = time.monotonic()
    until = None if options.minutes is None else start + 60 * options.minutes
    summary, failed = Summary(), []
    for index, outcome in _outcomes(kind, options, until):
        if not summary.add(outcome):
            continue
        path = options.output / f"{kind}-{options.seed}-{index}"
        case = KINDS[kind].make(options.seed, index)
        case.save(path, seed=options.seed, index=index, found=outcome.message)
        failed.append((path, case, outcome))
        _say(f"{outcome.verdict}: number {index} of seed {options.seed}: {outcome.message}")
        _say(f"  repeat it: ./run fuzz {word} --repeat {path}.json")
        if len(failed) == options.most_failures:
            _say(f"stopped: {len(failed)} failed (--most-failures)")
            break
    seconds = time.monotonic() - start
    for path, case, outcome in failed[: options.shrink if KINDS[kind].shrinks else 0]:
        _save_smaller(_new_worker(kind, options), word, path, case, outcome)
    print("\n".join(summary.lines(seconds)))
    return 1 if summary.failures else 0


def _parser(kind: str, description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"./run fuzz {kind}", description=description)
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--count", type=int, default=1000, help="so many (1000)")
    length.add_argument("--minutes", type=float, help="as many as fit into this time")
    length.add_argument("--repeat", type=Path, metavar="FILE", help="one that was saved")
    parser.add_argument("--seed", type=int, default=0, help="of all (0)")
    parser.add_argument("--first", type=int, default=0, help="the number of the first one (0)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="worker processes")
    parser.add_argument("--output", type=Path, default=_OUTPUT, help=f"a folder ({_OUTPUT})")
    parser.add_argument(
        "--sanitized",
        action="store_true",
        help="with the delegate that './run test --sanitize' has built with sanitizers; a case may "
        "take ten times as long",
    )
    parser.add_argument(
        "--backend",
        choices=["cpu", "gpu"] if _on_gpu(kind) in KINDS else ["cpu"],
        default="cpu",
        help="gpu: on an OpenCL device, PoCL where there is no other (cpu)",
    )
    parser.add_argument("--shrink", type=int, default=10, help="so many failures are made smaller")
    parser.add_argument("--most-failures", type=int, default=100, help="then it stops (100)")
    return parser


def _on_gpu(kind: str) -> str:
    return f"{kind}-gpu"


def _outcomes(
    kind: str, options: argparse.Namespace, until: float | None
) -> Iterator[tuple[int, Outcome]]:
    """Of all cases asked for, in about their order."""
    end = sys.maxsize if until is not None else options.first + options.count
    following = options.first
    with ExitStack() as stack:
        workers = [
            stack.enter_context(_new_worker(kind, options)) for _ in range(max(1, options.jobs))
        ]
        total = None if until is not None else options.count
        bar = stack.enter_context(tqdm(total=total, unit="case", disable=None))
        while True:
            stop = until is not None and time.monotonic() > until
            for worker in workers:
                if not worker.busy and following < end and not stop:
                    count = min(_BATCH, end - following)
                    worker.ask({"seed": options.seed, "first": following, "count": count})
                    following += count
            busy = [worker for worker in workers if worker.busy]
            if not busy:
                return
            select.select([worker.output for worker in busy], [], [], 0.5)
            for worker in busy:
                for index, outcome in worker.answers(0.0):
                    bar.update()
                    yield index, outcome


def _new_worker(kind: str, options: argparse.Namespace) -> Worker:
    return Worker(kind, sanitized_environment() if options.sanitized else None)


def _save_smaller(fresh: Worker, word: str, path: Path, case: Case, outcome: Outcome) -> None:
    small = path.with_name(path.name + "-small")
    with fresh as worker:

        def fails(candidate: Case) -> bool:
            candidate.save(small)
            return check_apart(worker, small).verdict == outcome.verdict

        if not fails(case):
            _say(f"{path}: {outcome.verdict} only after the cases before it")
            return
        smallest = shrink(case, fails)
        smallest.save(small)
        shapes = [run.shapes for run in smallest.runs]
        _say(f"smaller: {_operators(smallest)}, options {smallest.options}, inputs {shapes}")
        _say(f"  {check_apart(worker, small).message}")
        _say(f"  repeat it: ./run fuzz {word} --repeat {small}.json")


def _operators(case: Case) -> str:
    """The operators of its graph and the shapes of their outputs."""
    tree = flatbuffer.parse(case.model, "the model")
    words = []
    for node in tree.subgraphs[0].operators:
        shape = tree.subgraphs[0].tensors[node.outputs[0]].shape
        words.append(f"{flatbuffer.operator_name(tree, node)}{[int(size) for size in shape]}")
    return " ".join(words)


def _repeat(kind: str, options: argparse.Namespace) -> int:
    Case.load(options.repeat)  # says what is wrong with the files
    with _new_worker(kind, options) as worker:
        outcome = check_apart(worker, options.repeat)
    print(f"{outcome.verdict}: {outcome.message}" if outcome.message else outcome.verdict)
    return 1 if outcome.verdict in FAILURES else 0


def _say(text: str) -> None:
    tqdm.write(text, file=sys.stdout)
    sys.stdout.flush()
