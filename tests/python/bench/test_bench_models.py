# SPDX-License-Identifier: Apache-2.0
"""The whole benchmark, quick, and its parts on a tiny network. No timing is asserted."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import pytest

import ubp
from bench.harness import cache
from bench.harness.networks import (
    NETWORKS,
    Network,
    prune_in_one_shot,
    pruned_layers,
    random_model,
)
from bench.harness.pruned import (
    BLOCK_SIZE,
    SEED,
    build,
    load_or_build,
)
from bench.models.__main__ import main
from bench.models.measure import Candidate, Rivals, measure
from bench.models.report import TOLERANCE
from ubp.lanes import to_lanes

TINY = NETWORKS["MobileNet-tiny"]


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return random_model(TINY, SEED)


def count(name: str, kernel: tuple[int, int]) -> int:
    network = getattr(keras.applications, name)(weights=None)
    layers = (network.get_layer(layer) for layer in pruned_layers(network))
    return sum(layer.kernel_size == kernel for layer in layers)


def first_starts(kernel: np.ndarray) -> set[int]:
    """Where in the grid of aligned blocks the first block of any lane starts."""
    kept = to_lanes(kernel, -1) != 0
    return set(np.argmax(kept[kept.any(axis=1)], axis=1) % BLOCK_SIZE)


def test_1x1_and_3x3_convolutions_are_pruned_but_the_first_and_the_classifier(
    model: keras.Model,
) -> None:
    assert pruned_layers(model) == [f"conv_pw_{index}" for index in range(1, 14)]
    assert (count("MobileNetV2", (1, 1)), count("MobileNetV2", (3, 3))) == (34, 0)
    assert (count("ResNet50", (1, 1)), count("ResNet50", (3, 3))) == (36, 16)


def test_pruned_layers_hold_exactly_as_many_blocks_as_asked_for(model: keras.Model) -> None:
    pruned = prune_in_one_shot(model, 80, ubp.UnalignedBlock(BLOCK_SIZE), SEED)
    for name in pruned_layers(model):
        kernel = pruned.get_layer(name).kernel.numpy()
        blocks = round(0.2 * kernel.size / BLOCK_SIZE)
        assert np.count_nonzero(kernel) == blocks * BLOCK_SIZE
    assert first_starts(kernel) == {0, 1, 2, 3}
    aligned = (
        prune_in_one_shot(model, 80, ubp.AlignedBlock(BLOCK_SIZE), SEED)
        .get_layer(name)
        .kernel.numpy()
    )
    assert np.count_nonzero(aligned) == np.count_nonzero(kernel)
    assert first_starts(aligned) == {0}


def test_file_is_made_once_and_again_when_its_origin_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []

    def build_stub(network: Network, sparsity: int, aligned: bool) -> bytes:
        made.append(-sparsity if aligned else sparsity)
        return f"{network.name} {sparsity} {len(made)}".encode()

    monkeypatch.setattr("bench.harness.pruned.build", build_stub)
    for _ in range(2):
        assert load_or_build(TINY, 80, tmp_path) == b"MobileNet-tiny 80 1"
        assert load_or_build(TINY, 0, tmp_path) == b"MobileNet-tiny 0 2"
        assert load_or_build(TINY, 80, tmp_path, aligned=True) == b"MobileNet-tiny 80 3"
    monkeypatch.setattr(cache, "package_version", lambda name: f"another {name}")
    assert load_or_build(TINY, 80, tmp_path) == b"MobileNet-tiny 80 4"
    (tmp_path / "MobileNet-tiny_80.tflite").unlink()
    assert load_or_build(TINY, 80, tmp_path) == b"MobileNet-tiny 80 5"
    assert made == [80, 0, -80, 80, 80]


def test_wrong_outputs_end_the_run() -> None:
    model = keras.Sequential([keras.Input((TINY.size, TINY.size, 3)), keras.layers.Conv2D(4, 1)])
    dense = ubp.convert(model).dense
    model.set_weights([1.01 * weight for weight in model.get_weights()])
    wrong = Candidate(80, dense, ubp.convert(model, min_speedup=0).model, 1)
    with pytest.raises(RuntimeError, match=r"MobileNet-tiny at 80% sparsity with 1 thread: the"):
        measure(TINY, dense, wrong, threads=1, rounds=1, rivals=Rivals([], []))


@pytest.mark.slow
def test_quick_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--quick", "--threads", "1,2", "--output", str(tmp_path)]) == 0
    printed = capsys.readouterr().out.split()
    data = json.loads((tmp_path / "models.json").read_text())
    assert (tmp_path / "models.png").stat().st_size > 0
    cases = [(entry["sparsity"], entry["threads"]) for entry in data["results"]]
    assert cases == [(0, 1), (0, 2), (80, 1), (80, 2)]
    for entry in data["results"]:
        assert entry["network"] == "MobileNet-tiny"
        assert entry["relative_error"] <= TOLERANCE
        assert len(entry["ubp_rounds_ms"]) == data["rounds"] == 2
        assert 0 < entry["ubp_memory"]["steady"] <= entry["ubp_memory"]["peak"]
        assert 0 < entry["xnnpack_memory"]["steady"] <= entry["xnnpack_memory"]["peak"]
        assert entry["peers"] == {}
        assert (entry["converted_layers"] > 0) == (entry["sparsity"] > 0)
        assert f"{entry['speedup']['median']:.2f}x" in printed
    file = (tmp_path / "models_cache" / "MobileNet-tiny_80.tflite").read_bytes()
    again = build(TINY, 80)  # the same seed gives the same file but for its names
    assert ubp.verify(file, ubp.convert(again).model).passed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--networks", "MobileNet,AlexNet"],
            "there is no network 'AlexNet'; there are MobileNet,",
        ),
        (["--sparsity", "0,100"], "'100' is not a number from 0 to 99"),
        (["--threads", "0"], "'0' is not a number from 1 to 64"),
        (["--rounds", "many"], "'many' is not a number from 1"),
    ],
)
def test_wrong_arguments_are_named(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    assert message in capsys.readouterr().err


def test_errors_are_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--write-docs", "--output", str(tmp_path)]) == 1
    assert capsys.readouterr().err == (
        f"bench models: error: {tmp_path / 'models.json'}: no such file; "
        "run this without --write-docs first.\n"
    )
