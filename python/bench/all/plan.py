# SPDX-License-Identifier: Apache-2.0
"""All benchmarks one after the other, within a time."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.all.noise import Noise, Reading, probe, read_machine

BUDGET = 3600.0  # seconds


@dataclass(frozen=True)
class Step:
    """A benchmark.

    name: as in `./run bench NAME`.
    seconds: that it is taken to need where no earlier run says it.
    arguments: that make it fit.
    """

    name: str
    seconds: float
    arguments: tuple[str, ...] = ()


# What the README and the pages quote comes first.
STEPS = (
    Step("models", 800, ("--rounds", "15", "--peers")),
    Step("kernels", 500, ("--rounds", "5")),
    Step("limits", 60, ("--rounds", "5")),
    Step("operators", 60),
    Step("int8", 300, ("--rounds", "10")),
    Step("arm", 60),
    Step("selection", 180),
    Step("pruning", 240),
    Step("unet", 240, ("--rounds", "10")),
    Step("permutation", 240),
    Step("gpu", 180),
    Step("applications", 500, ("--rounds", "5")),
    Step("chains", 240, ("--chains", "200")),
)


@dataclass(frozen=True)
class Done:
    """What became of a benchmark.

    state: "done"; "missed", of one that misses its own target; "failed"; "stopped", when the time
        was over; or "left out", as there was too little of it.
    seconds: that it took.
    noise: while it ran; None where there are no results.
    """

    name: str
    state: str
    seconds: float
    noise: Noise | None = None

    @property
    def why_not(self) -> list[str]:
        """Why its page is not to be written; empty if it is."""
        if self.noise is None:
            return [self.state]
        return self.noise.reasons


@dataclass(frozen=True)
class Surroundings:
    """What running the steps needs of the world; tests have another one.

    run: runs a benchmark with arguments for at most some seconds; returns its exit status, or None
        if it was stopped.
    read: the machine's counters.
    probe: the times of the same work.
    clock: seconds.
    """

    run: Callable[[str, Sequence[str], float], int | None]
    read: Callable[[], Reading] = read_machine
    probe: Callable[[], list[float]] = probe
    clock: Callable[[], float] = time.monotonic


def run_steps(
    steps: Sequence[Step],
    folder: Path,
    world: Surroundings,
    known: Mapping[str, float],
    budget: float = BUDGET,
) -> Iterator[Done]:
    """Run the steps in their order; one that would take longer than what is left is left out.

    Args:
        steps: the benchmarks.
        folder: that their results go to.
        world: the rest of the world.
        known: seconds that they took before, by name.
        budget: seconds for all.
    """
    end = world.clock() + budget
    for step in steps:
        left = end - world.clock()
        if known.get(step.name, step.seconds) > left:
            yield Done(step.name, "left out", 0.0)
            continue
        yield _run(step, folder, world, left)


def _run(step: Step, folder: Path, world: Surroundings, left: float) -> Done:
    file = folder / f"{step.name}.json"
    old = file.stat().st_mtime_ns if file.is_file() else None
    probes, before, start = world.probe(), world.read(), world.clock()
    status = world.run(step.name, [*step.arguments, "--output", str(folder)], left)
    seconds, after = world.clock() - start, world.read()
    if status is None:
        return Done(step.name, "stopped", seconds)
    if not file.is_file() or file.stat().st_mtime_ns == old:
        return Done(step.name, "failed", seconds)
    results: Any = json.loads(file.read_text())
    noise = Noise.between(before, after, probes + world.probe(), results)
    return Done(step.name, "missed" if status else "done", seconds, noise)


def run_benchmark(name: str, arguments: Sequence[str], seconds: float) -> int | None:
    """Run a benchmark in a process of its own, see `Surroundings`."""
    command = [sys.executable, "-m", f"bench.{name}", *arguments]
    with subprocess.Popen(command) as process:
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.terminate()
            process.wait()
            return None
        except BaseException:
            process.terminate()
            raise
