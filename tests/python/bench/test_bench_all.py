# SPDX-License-Identifier: Apache-2.0
"""`./run bench all`: the hour, the noise, and what is published; with another clock and machine."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from bench_reports import MACHINE, measured_now, report, result

from bench.all import plan
from bench.all.__main__ import main
from bench.all.noise import Noise, Reading, probe, read_machine
from bench.all.plan import BUDGET, STEPS, Step, Surroundings, run_benchmark, run_steps
from bench.harness import page
from bench.harness.command import Command
from bench.harness.results import ResultFolder
from bench.models.__main__ import main as models

ROOT = Path(__file__).parents[3]


class World:
    """A machine whose clock goes on while benchmarks run.

    seconds: that each takes; status: that each ends with; None: it writes nothing and fails.
    others, stolen: processors that are not ours.
    """

    def __init__(
        self,
        folder: Path,
        seconds: float = 100.0,
        status: int | None = 0,
        others: float = 0.0,
        stolen: float = 0.0,
        results: Any = None,
    ) -> None:
        self.now = 1000.0
        self.ran: list[tuple[str, ...]] = []
        self._folder, self._seconds, self._status = folder, seconds, status
        self._others, self._stolen = others, stolen
        self._results = results or {}
        self._ours = 0.0

    def run(self, name: str, arguments: Sequence[str], seconds: float) -> int | None:
        self.ran.append((name, *arguments))
        took = min(self._seconds, seconds)
        self.now += took
        self._ours += 1.5 * took
        if took < self._seconds:
            return None
        if self._status is None:
            return 1
        if "--write-docs" not in arguments:
            ResultFolder(self._folder, name).save(self._results)
        return self._status

    def read(self) -> Reading:
        passed = self.now - 1000.0
        busy = self._ours + self._others * passed
        return Reading(self.now, busy, self._stolen * passed, self._ours)

    @property
    def surroundings(self) -> Surroundings:
        return Surroundings(self.run, self.read, lambda: [1.0, 1.01, 1.02], lambda: self.now)


def steps(*seconds: float) -> list[Step]:
    return [Step(f"b{index}", each) for index, each in enumerate(seconds)]


def states(world: World, folder: Path, *seconds: float, **options: Any) -> list[str]:
    done = run_steps(
        steps(*seconds), folder, world.surroundings, options.pop("known", {}), **options
    )
    return [each.state for each in done]


def test_the_plan_has_every_benchmark_and_fits_into_the_hour() -> None:
    named = [step.name for step in STEPS]
    folders = {path.parent.name for path in (ROOT / "python" / "bench").glob("*/section.md.j2")}
    assert set(named) == folders and len(named) == len(folders)
    assert sum(step.seconds for step in STEPS) <= BUDGET == 3600


@pytest.mark.parametrize("step", [step for step in STEPS if step.arguments], ids=lambda s: s.name)
def test_the_benchmarks_take_the_arguments(step: Step) -> None:
    parser: argparse.ArgumentParser = importlib.import_module(
        f"bench.{step.name}.__main__"
    )._parser()
    assert parser.parse_args([*step.arguments, "--output", "x"]).output == Path("x")


def test_what_does_not_fit_is_left_out(tmp_path: Path) -> None:
    world = World(tmp_path)
    assert states(world, tmp_path, 90, 900, 90, budget=300) == ["done", "left out", "done"]
    assert world.now == 1200
    # An earlier run knows better than the plan.
    known = {"b1": 150.0, "b0": 1000.0}
    assert states(world, tmp_path, 90, 900, 90, budget=300, known=known) == [
        *("left out", "done", "done")
    ]


def test_nothing_runs_longer_than_the_budget(tmp_path: Path) -> None:
    world = World(tmp_path, seconds=250)
    assert states(world, tmp_path, 100, 100, 100, budget=450) == ["done", "stopped", "left out"]
    assert world.now == 1450


def test_failures(tmp_path: Path) -> None:
    assert states(World(tmp_path, status=None), tmp_path, 1) == ["failed"]
    assert states(World(tmp_path, status=1), tmp_path, 1) == ["missed"]
    # Results of an earlier run are none of this one.
    assert states(World(tmp_path, status=None), tmp_path, 1) == ["failed"]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({}, ""),
        ({"others": 0.05, "stolen": 0.02}, ""),
        ({"others": 0.5}, "other processes kept 0.50 processors busy (limit 0.1)"),
        ({"stolen": 0.1}, "the host took 0.10 processors away (limit 0.03)"),
        (
            {"results": {"all": [{"speedup": {"median": 2.0, "p10": 1.5, "p90": 2.0}}]}},
            "ratios of times scatter by 25% (limit 0.2)",
        ),
        ({"results": {"speedup": {"median": 2.0, "p10": 1.9, "p90": 2.0}}}, ""),
        (
            {"results": {"time_over_limit": {"median": 2.0, "p10": 1.5, "p90": 2.0}}},
            "ratios of times scatter by 25% (limit 0.2)",
        ),
    ],
)
def test_noise(options: dict[str, Any], reason: str, tmp_path: Path) -> None:
    world = World(tmp_path, **options)
    (done,) = run_steps(steps(1), tmp_path, world.surroundings, {})
    assert done.noise is not None
    assert done.noise.reasons == ([reason] if reason else []) == done.why_not
    assert done.noise.unevenness == pytest.approx(0.02 / 1.01)


def test_work_that_takes_different_times_is_noise() -> None:
    ticks = iter(range(10_000))
    clock = [0.0]

    def work() -> None:
        clock[0] += 1.3 if next(ticks) % 4 == 0 else 1.0

    times = probe(lambda: clock[0], work)
    noise = Noise.between(Reading(0, 0, 0, 0), Reading(1, 0, 0, 0), times, {})
    assert noise.scatter is None
    assert noise.reasons == ["the same work took times that differ by 30% (limit 0.15)"]


def test_the_counters_of_this_machine() -> None:
    before = read_machine()
    times = probe()
    after = read_machine()
    assert len(times) == 40 and min(times) > 0
    assert after.clock - before.clock >= sum(times)
    assert 0 <= before.busy <= after.busy
    assert after.ours - before.ours > 0.01


# ---- the command -------------------------------------------------------------------------------


def test_it_measures_and_says_how_noisy_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = ["--output", str(tmp_path), "--names", "unet,models"]
    world = World(tmp_path, others=0.4)
    assert main(output, world.surroundings) == 0
    assert [name for name, *_ in world.ran] == ["models", "unet"]
    text = capsys.readouterr().out
    assert "models: too noisy to publish: other processes kept 0.40 processors busy" in text
    found = json.loads((tmp_path / "all.json").read_text())["results"]
    assert [each["state"] for each in found] == ["done", "done"]
    world = World(tmp_path)
    assert main([*output, "--write-docs"], world.surroundings) == 1
    assert world.ran == []
    assert "unet: its section stays as it is: other processes" in capsys.readouterr().out


def test_it_publishes_what_was_quiet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = ["--output", str(tmp_path), "--names", "models"]
    assert main(output, World(tmp_path).surroundings) == 0
    world = World(tmp_path, seconds=5)
    assert main([*output, "--write-docs"], world.surroundings) == 0
    assert world.ran == [("models", "--write-docs", "--output", str(tmp_path))]
    failing = World(tmp_path, seconds=5, status=None)
    assert main([*output, "--write-docs"], failing.surroundings) == 1
    capsys.readouterr()
    assert main(["--write-docs", "--output", str(tmp_path / "none")]) == 1
    assert "run this without --write-docs first" in capsys.readouterr().err


def test_no_page_of_another_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(page, "DOCS", tmp_path)
    ResultFolder(tmp_path, "models").save(report(result()))
    command = ["--write-docs", "--output", str(tmp_path)]
    assert models(command) == 1  # MACHINE has no library that there is
    assert "models.json is of another library (aaaaaaaaaaaaaaaa...) than" in capsys.readouterr().err
    assert not (tmp_path / "performance.md").exists()
    measured_now(monkeypatch, MACHINE.delegate)
    assert models(command) == 0
    assert (tmp_path / "performance.md").is_file()


def test_all_benchmarks_are_held_to_their_library() -> None:
    for step in STEPS:
        source = (ROOT / "python" / "bench" / step.name / "__main__.py").read_text()
        assert "_COMMAND = Command(" in source and "kind=" not in source
    assert Command.__dataclass_fields__["kind"].default.times


def test_a_benchmark_that_takes_too_long_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []

    class Sleeping(subprocess.Popen[bytes]):
        def __init__(self, command: Sequence[str]) -> None:
            super().__init__([command[0], "-c", "import time; time.sleep(60)"])
            started.append(self)

    monkeypatch.setattr(plan.subprocess, "Popen", Sleeping)
    assert run_benchmark("models", [], 0.1) is None
    assert started[0].returncode == -15
    with pytest.raises(ProcessLookupError):
        os.kill(started[0].pid, 0)
