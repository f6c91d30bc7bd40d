# SPDX-License-Identifier: Apache-2.0
"""The benchmark of all of keras.applications: its networks, its reports, and a quick run of it."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib import import_module
from itertools import islice
from pathlib import Path

import keras
import numpy as np
import pytest
from bench_reports import DATE, MACHINE, written_page
from matplotlib.image import imread
from rich.console import Console

import ubp
from bench.applications import measure, networks
from bench.applications.__main__ import _COMMAND, main
from bench.applications.networks import random_blocks, random_model
from bench.applications.report import HEADINGS, TOLERANCE, Report, Result, cells, draw
from bench.harness.results import from_json, to_json
from bench.harness.table import terminal_table

TINY = networks.APPLICATIONS["MobileNetV3-tiny"]
RESULT = Result(
    application="MobileNet",
    size=224,
    pruning="80%",
    threads=1,
    layers=15,
    converted_layers=13,
    dense_bytes=16_000_000,
    ubp_bytes=4_000_000,
    relative_error=2e-6,
    xnnpack_rounds_ms=[10.0, 20.0, 30.0],
    ubp_rounds_ms=[5.0, 5.0, 5.0],
)
SLOW = replace(RESULT, application="VGG16", pruning="mixed", ubp_rounds_ms=[22.0] * 3)


def report(*results: Result) -> Report:
    blocks = {result.application: 10 for result in results}
    return Report(DATE, MACHINE, 4, 0, 3, blocks, [*results])


def test_shares_of_zeros_are_the_same_in_every_run() -> None:
    mixed = list(islice(networks.mixed_sparsities(), 1000))
    assert mixed == list(islice(networks.mixed_sparsities(), 1000))
    assert 0 <= min(mixed) < 0.01 and 0.94 < max(mixed) <= 0.95
    assert np.mean(mixed) == pytest.approx(0.475, abs=0.03)
    assert set(islice(networks.uniform_sparsities(), 10)) == {0.8}


@pytest.mark.parametrize("sparsity", [0.0, 0.5, 0.95])
def test_blocks_begin_anywhere_and_hold_their_share(sparsity: float) -> None:
    mask = random_blocks(np.random.default_rng(0), 2000, 64, sparsity)
    assert np.mean(mask == 0) == pytest.approx(sparsity, abs=0.01)
    edges = np.argwhere(np.diff(mask[:, :-4], axis=1) == 1)[:, 1] + 1
    assert set(edges % 4) == ({0, 1, 2, 3} if sparsity else set())


def test_all_layers_are_pruned_but_the_first_and_the_classifier() -> None:
    model = random_model(TINY.function, 32, 10, networks.uniform_sparsities())
    kernels = [weight.numpy() for weight in model.weights if weight.name == "kernel"]
    zeros = [np.mean(kernel == 0) for kernel in kernels if kernel.shape[2] > 1]
    assert [zeros[0], zeros[-1]] == [0, 0]
    np.testing.assert_allclose(zeros[1:-1], 0.8, atol=0.15)


def test_a_file_is_made_once_for_each_pruning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[float] = []

    def convert_stub(sparsities: list[float]) -> bytes:
        made.append(sparsities[1])
        return b"%d" % len(made)

    monkeypatch.setattr(
        "bench.applications.networks.random_model", lambda *a: list(islice(a[-1], 2))
    )
    monkeypatch.setattr(import_module("ubp.conversion.load.loader"), "convert_keras", convert_stub)
    for _ in range(2):
        contents = [
            networks.load_or_build(TINY, name, tmp_path).read_bytes() for name in ["80%", "mixed"]
        ]
        assert contents == [b"1", b"2"]
    assert made[0] == 0.8 != made[1]


def test_wrong_outputs_end_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = keras.Sequential([keras.Input((TINY.size, TINY.size, 3)), keras.layers.Conv2D(4, 1)])
    right = ubp.convert(model, min_speedup=0)
    model.set_weights([1.01 * weight for weight in model.get_weights()])
    wrong = replace(ubp.convert(model, min_speedup=0), dense=right.dense)
    dense = tmp_path / "dense.tflite"
    dense.write_bytes(right.dense)
    monkeypatch.setattr(ubp, "convert", lambda *_, **__: wrong)
    with pytest.raises(RuntimeError, match=r"MobileNetV3-tiny \(80%\): the outputs of UBP and"):
        list(measure.measure(TINY, "80%", dense, [1], 1))


def test_json_holds_everything_and_the_summaries() -> None:
    before = report(RESULT, SLOW)
    data = json.loads(json.dumps(to_json(before)))
    assert data["results"][0]["speedup"] == pytest.approx({"median": 4.0, "p10": 2.4, "p90": 5.6})
    assert from_json(Report, data) == before
    del data["results"][0]["layers"]
    with pytest.raises(ValueError, match="another version of this program"):
        from_json(Report, data)


def test_table_fits_a_terminal_of_110_columns() -> None:
    console = Console(width=110)
    widest = replace(RESULT, application="MobileNetV3-tiny", xnnpack_rounds_ms=[1000.0] * 3)
    with console.capture() as captured:
        console.print(terminal_table(HEADINGS, [[cells(widest)]]))
    row = captured.get().splitlines()[-2].split()
    assert row[:6] == ["MobileNetV3-tiny", "80%", "1", "1000.00", "5.00", "200.00x"]
    assert row[-5:] == ["0.25", "13", "of", "15", "2e-06"]


def test_page_says_what_is_slower_and_what_is_missing() -> None:
    text = _COMMAND.section(report(RESULT, SLOW))
    rows = [line for line in text.splitlines() if line.startswith("| MobileNet")]
    assert rows == [
        "| MobileNet | 80% | 1 | 20.00 | 5.00 | 4.00x | 2.40 - 5.60 | 0.25 | 13 of 15 | 2e-06 |"
    ]
    assert "Slower than 0.95x: VGG16 (mixed) with 1 thread. Not measured in this run:" in text
    assert "Inferences in a block: MobileNet 10, VGG16 10." in text
    everything = _COMMAND.section(report(*(replace(RESULT, application=n) for n in networks.FULL)))
    assert "Slower than 0.95x: none of these.\n" in everything


def test_page_of_a_quick_run_is_refused() -> None:
    with pytest.raises(ValueError, match="MobileNetV3-tiny, which is for quick runs only"):
        _COMMAND.section(report(replace(RESULT, application=TINY.name)))


@pytest.mark.parametrize("threads", [(1,), (1, 2)])
def test_picture_has_bars_for_every_pruning(tmp_path: Path, threads: tuple[int, ...]) -> None:
    results = [
        replace(RESULT, application=name, pruning=pruning, threads=count)
        for name in ("MobileNet", "VGG16")
        for pruning in networks.PRUNINGS
        for count in threads
    ]
    draw(tmp_path / "picture.png", report(*results))
    pixels = np.rint(imread(tmp_path / "picture.png")[..., :3] * 255).astype(int)
    for colour in ((0, 114, 178), (230, 159, 0)):
        assert (pixels == colour).all(axis=-1).mean() > 0.03


@pytest.mark.slow
def test_quick_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["--quick", "--threads", "1,2", "--output", str(tmp_path)]) == 0
    printed = capsys.readouterr().out.split()
    data = json.loads((tmp_path / "applications.json").read_text())
    assert (tmp_path / "applications.png").stat().st_size > 0
    cases = [(entry["pruning"], entry["threads"]) for entry in data["results"]]
    assert cases == [("80%", 1), ("80%", 2), ("mixed", 1), ("mixed", 2)]
    for entry in data["results"]:
        assert entry["relative_error"] <= TOLERANCE
        assert len(entry["ubp_rounds_ms"]) == data["rounds"] == 2
        assert 0 < entry["converted_layers"] < entry["layers"]
        assert f"{entry['speedup']['median']:.2f}x" in printed


def test_docs_are_written_from_the_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = written_page(main, "applications", report(RESULT), tmp_path, monkeypatch)
    assert "## All of keras.applications\n" in text
    assert text.endswith("Inferences in a block: MobileNet 10.\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--networks", "AlexNet"], "there is no network 'AlexNet'; there are MobileNet,"),
        (["--threads", "0"], "'0' is not a number from 1 to 64"),
    ],
)
def test_wrong_arguments_are_named(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    assert message in capsys.readouterr().err
