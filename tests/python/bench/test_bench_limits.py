# SPDX-License-Identifier: Apache-2.0
"""The benchmark of limits: its model by hand-computed values, its reports, and a quick run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bench_reports import DATE, MACHINE, written_page
from matplotlib.image import imread

from bench.harness.results import from_json, to_json
from bench.harness.statistics import Spread
from bench.limits import report as results
from bench.limits.__main__ import main
from bench.limits.measure import Cache, LoopProgram, best_rates, loop_sizes, read_caches
from bench.limits.model import FMA, Level, Limit, Rates, step_limit, weight_bytes
from bench.limits.report import Report, Result, StepResult, result_of
from ubp.timing import DelegateProfile, ProfiledStep, StepWork

# 100 bytes fit into the first level, 1000 into the second.
RATES = Rates(
    2.0,
    [
        Level("L1", 100, load=10.0, store=5.0, copy=4.0),
        Level("L2", 1000, load=5.0, store=2.5, copy=2.0),
        Level("memory", None, load=1.0, store=0.5, copy=0.4),
    ],
)
NOTHING = StepWork("convolution", 0, 0, 0, 0, 0, 0, 0)


def profiled(work: StepWork, least_us: float) -> ProfiledStep:
    return ProfiledStep(("CONV_2D 'a;b'",), (0,), False, 9, (work,), 10, 2 * least_us, least_us)


def step(number: int, us: float, limit_us: float, bound: str = FMA) -> StepResult:
    return StepResult(number, [f"CONV_2D 'c{number};d'"], [NOTHING], us, Limit(limit_us, bound))


def result(sparsity: int = 80, steps: int = 3) -> Result:
    """Whose later steps lose more, and whose last is far from its limit."""
    own = [step(1 + i, 50.0 + 10.0 * i, 50.0) for i in range(steps - 1)]
    own.append(step(steps, 300.0, 100.0, "L2"))
    return Result("MobileNet", sparsity, Spread(1.5, 1.4, 1.6), 0.7, own)


def report(*measured: Result) -> Report:
    return Report(DATE, MACHINE, "avx2", 4, 0, 3, 10, RATES, [*measured])


# ---- the model ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("work", "us", "bound"),
    [
        # 2 multiply-adds a nanosecond.
        (replace(NOTHING, operations=4000), 2.0, FMA),
        # 40 + 20 bytes stay in L1: 20 of them copied at 4, 20 loaded at 10.
        (replace(NOTHING, read_bytes=40, written_bytes=20), (20 / 4 + 20 / 10) / 1e3, "L1"),
        # 101 bytes do not fit into L1.
        (replace(NOTHING, written_bytes=101), 101 / 2.5 / 1e3, "L2"),
        (replace(NOTHING, read_bytes=500, written_bytes=501), (500 / 0.4 + 2) / 1e3, "memory"),
        # Weights come from where those of the whole network, 600 bytes, fit.
        (replace(NOTHING, weight_bytes=50), 50 / 5 / 1e3, "L2"),
        # A buffer of 80 bytes stays in L1, however much passes through it.
        (
            replace(NOTHING, buffer_read_bytes=900, buffer_written_bytes=900, buffer_bytes=80),
            900 / 4 / 1e3,
            "L1",
        ),
    ],
)
def test_limit_of_one_operator(work: StepWork, us: float, bound: str) -> None:
    limit = step_limit([work], RATES, network_weights=600)
    assert limit.us == pytest.approx(us)
    assert limit.bound == bound


def test_what_comes_from_further_away_passes_through_the_nearer_levels() -> None:
    works = [
        replace(NOTHING, weight_bytes=60, read_bytes=150),
        replace(NOTHING, written_bytes=50, buffer_read_bytes=500, buffer_bytes=90),
    ]
    # From memory 60 bytes of weights; through L2 these and activations of 200; through L1 all that
    # and 500 of the buffer.
    limit = step_limit(works, RATES, network_weights=5000)
    assert limit == Limit(pytest.approx((50 / 4 + (60 + 150 + 500 - 50) / 10) / 1e3), "L1")
    slow = Rates(RATES.gmacs, [RATES.levels[0], RATES.levels[1], Level("m", None, 0.1, 1, 1)])
    assert step_limit(works, slow, 5000) == Limit(pytest.approx(60 / 0.1 / 1e3), "m")
    fast = [Level("L1", 100, 99, 99, 99), RATES.levels[1], Level("m", None, 9, 9, 9)]
    assert step_limit(works, Rates(RATES.gmacs, fast), 5000) == Limit(
        pytest.approx((50 / 2 + (60 + 150 - 50) / 5) / 1e3), "L2"
    )


def test_weights_of_all_steps_count() -> None:
    one, other = replace(NOTHING, weight_bytes=3), replace(NOTHING, weight_bytes=4)
    assert weight_bytes([[one, other], [other]]) == 11


# ---- what is measured --------------------------------------------------------------------------


def write_cache(folder: Path, index: int, level: int, kind: str, size: str) -> None:
    cache = folder / f"index{index}"
    cache.mkdir()
    for name, text in (("level", f"{level}"), ("type", kind), ("size", size)):
        (cache / name).write_text(f"{text}\n")


def test_caches_are_those_for_data(tmp_path: Path) -> None:
    write_cache(tmp_path, 0, 3, "Unified", "32M")
    write_cache(tmp_path, 1, 1, "Instruction", "64K")
    write_cache(tmp_path, 2, 1, "Data", "48K")
    write_cache(tmp_path, 3, 2, "Unified", "524288")
    found = read_caches(tmp_path)
    assert found == [Cache("L1", 48 << 10), Cache("L2", 512 << 10), Cache("L3", 32 << 20)]
    assert loop_sizes(found) == [24 << 10, 256 << 10, 8 << 20, 128 << 20]
    assert loop_sizes(found[:2]) == [24 << 10, 128 << 10, 2 << 20]
    assert loop_sizes(found[:1]) == [24 << 10, 192 << 10]


def test_a_system_that_hides_its_caches_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="does not say how large the caches are"):
        read_caches(tmp_path)


def test_best_rates() -> None:
    slow = [replace(level, load=0.9, store=0.2, copy=0.1) for level in RATES.levels]
    slow[2] = replace(slow[2], load=1.5)
    found = best_rates([Rates(3.0, slow), RATES])
    fast = [*RATES.levels[:2], replace(RATES.levels[2], load=1.5)]
    assert found == Rates(3.0, fast)


def test_program_measures_every_level() -> None:
    with LoopProgram("portable") as program:
        rates = program.rates([Cache("L1", 32 << 10), Cache("L2", 512 << 10)])
    assert [(level.name, level.size) for level in rates.levels] == [
        ("L1", 32 << 10),
        ("L2", 512 << 10),
        ("memory", None),
    ]
    assert rates.gmacs > 0
    assert all(min(level.load, level.store, level.copy) > 0 for level in rates.levels)


def test_missing_program_says_what_builds_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"`\./run bench limits` builds it"):
        LoopProgram("avx2", tmp_path / "kernel_benchmark")


# ---- reports -----------------------------------------------------------------------------------


def test_result_of_rounds() -> None:
    works = replace(NOTHING, operations=4000), replace(NOTHING, operations=20_000)
    profiles = [
        DelegateProfile("avx2", 1, mean_ms, (profiled(works[0], first), profiled(works[1], second)))
        for mean_ms, first, second in ((0.02, 4.0, 20.0), (0.03, 6.0, 12.0), (0.04, 5.0, 13.0))
    ]
    found = result_of("MobileNet", 80, profiles, RATES)
    assert [each.us for each in found.steps] == [5.0, 13.0]
    assert [each.limit.us for each in found.steps] == [2.0, 10.0]
    assert [each.number for each in found.steps] == [1, 2]
    assert (found.us, found.limit_us, found.inference_ms) == (18.0, 12.0, 0.03)
    assert found.time_over_limit == Spread.of([24 / 12, 18 / 12, 18 / 12])
    assert found.steps[0].name == "1 a: convolution"


def test_steps_are_sorted_by_what_is_lost() -> None:
    assert [each.number for each in result().by_loss()] == [3, 2, 1]
    assert result().by_loss()[0].lost_us == 200.0


def test_slow_steps_take_time_and_are_far_from_their_limit() -> None:
    steps = [
        step(1, 100.0, 60.0),
        step(2, 100.0, 49.0),
        step(3, 6.0, 1.0),  # 3% of 206 is more
    ]
    found = replace(result(), steps=steps)
    assert [each.number for each in found.slow_steps()] == [2]
    assert results.slow_line(found) == (
        "MobileNet, 80% zeros: over 3% of the time and below 50% of the limit: 2 c2: convolution"
    )
    assert results.slow_line(replace(found, steps=steps[:1])).endswith(": no step")


def test_names_of_long_steps_are_cut() -> None:
    long = replace(step(7, 1.0, 1.0), operators=[f"CONV_2D '{'x' * 99}'"])
    assert len(long.name) == 80 and long.name.endswith("x...")
    assert replace(long, operators=[]).name == "7 input: convolution"
    path = "CONV_2D 'net_1/net_1/block_3_expand/Relu6;net_1/more'"
    assert replace(long, operators=[path]).name == "7 block_3_expand: convolution"


@pytest.mark.parametrize(
    ("changes", "cell"),
    [
        ({}, "1.40: missed"),
        ({"time_over_limit": Spread(1.4, 1.3, 1.6)}, "1.40: met"),
        ({"sparsity": 70}, ""),
    ],
)
def test_targets(changes: dict[str, object], cell: str) -> None:
    assert results.summary_cells(replace(result(), **changes))[-1] == cell


def test_page_lists_those_that_lose_most_and_the_rest_together() -> None:
    rows = results.listed_rows(result(steps=15))
    assert len(rows) == 13
    assert rows[0] == ["15 c15: convolution", "300.0", "100.0", "L2", "33%", "200.0", "15.7%"]
    # Steps 1 to 3.
    assert rows[-1] == ["the other 3", "180.0", "150.0", "", "83%", "30.0", "9.4%"]
    assert len(results.listed_rows(result(steps=12))) == 12


def test_json_and_back() -> None:
    before = report(result())
    data = json.loads(json.dumps(to_json(before)))
    assert data["results"][0]["steps"][2]["lost_us"] == 200.0
    assert from_json(Report, data) == before


def test_docs_are_written_from_the_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = written_page(main, "limits", report(result(), result(90)), tmp_path, monkeypatch)
    assert "| MobileNet | 80% | 410 | 200 | 1.50 | 1.40 - 1.60 | 1.40: missed |" in text
    assert "| 3 c3: convolution | 300.0 | 100.0 | L2 | 33% | 200.0 | 73.2% |" in text
    assert "| L1 | 0 | 10.0 | 5.0 | 4.0 |" in text
    assert "MobileNet, 90% zeros; the steps that lose most:" in text
    assert (tmp_path / "limits.svg").stat().st_size > 0


@pytest.mark.parametrize("count", [1, 2])
def test_picture_has_time_and_limit(tmp_path: Path, count: int) -> None:
    results.draw(tmp_path / "limits.png", report(*[result()] * count))
    pixels = np.rint(imread(tmp_path / "limits.png")[..., :3] * 255).astype(int)
    for colour in ((0, 114, 178), (230, 159, 0)):
        assert (pixels == colour).all(axis=-1).any()


def test_quick_run(tmp_path: Path, capsys: pytest.CaptureFixture[str], wide_terminal: None) -> None:
    assert main(["--quick", "--output", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    data = json.loads((tmp_path / "limits.json").read_text())
    (measured,) = data["results"]
    assert measured["network"] == "MobileNet-tiny" and data["rounds"] == 2
    steps = measured["steps"]
    assert [each["number"] for each in steps] == [*range(1, len(steps) + 1)]
    kinds = [work["kind"] for each in steps for work in each["work"]]
    # The first, dense one may be left to XNNPACK.
    assert kinds.count("convolution") >= 13 and kinds.count("depthwise") == 13
    assert all(each["us"] > 0 and each["limit"]["us"] > 0 for each in steps)
    assert measured["time_over_limit"]["median"] > 0
    assert "MobileNet-tiny, 80% zeros: over 3% of the time" in printed
    assert (tmp_path / "limits.png").stat().st_size > 0
    assert (tmp_path / "models_cache" / "MobileNet-tiny_80.tflite").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--networks", "VGG"], "there is no network 'VGG'; there are MobileNet,"),
        (["--sparsity", "0"], "'0' is not a number from 1 to 99"),
    ],
)
def test_wrong_arguments_are_named(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    assert message in capsys.readouterr().err
