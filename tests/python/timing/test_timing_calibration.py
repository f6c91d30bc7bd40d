# SPDX-License-Identifier: Apache-2.0
"""The cost model's constants: read, written, and fitted to measurements."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from single_models import one_conv, sparse_weights

from ubp.conversion import convert
from ubp.costs import DEFAULT_COSTS, CostModel
from ubp.format import BLOCK_SIZES
from ubp.latency import read_costs
from ubp.timing.calibration import Point, fit

TRUE = CostModel(
    block={1: 2.0, 2: 3.0, 4: 4.5, 8: 8.0, 16: 15.5},
    single={1: 5.0, 2: 6.0, 4: 7.0, 8: 8.0, 16: 16.0},
    transpose=7.5,
    tile=DEFAULT_COSTS.tile,
)


def test_costs_survive_a_file(tmp_path: Path) -> None:
    path = tmp_path / "costs.json"
    path.write_text(TRUE.to_json())
    assert read_costs(path) == TRUE


def test_files_from_before_there_were_gpus_are_read(tmp_path: Path) -> None:
    path = tmp_path / "costs.json"
    found = json.loads(replace(TRUE, backend="gpu").to_json())
    path.write_text(json.dumps(found))
    assert read_costs(path).backend == "gpu"
    del found["backend"]
    path.write_text(json.dumps(found))
    assert read_costs(path) == TRUE


def changed(name: str, value: Any) -> str:
    return json.dumps(json.loads(TRUE.to_json()) | {name: value})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a JSON file"),
        ("[]", "expected a JSON object with block, single, tile, transpose"),
        (changed("more", 1), "not a file of costs"),
        (changed("backend", "tpu"), '\'backend\' is "tpu", expected "cpu" or "gpu"'),
        (changed("tile", 0), "'tile' is 0, expected a whole number from 1 to 65536"),
        (changed("tile", True), "'tile' is true, expected a whole number"),
        (changed("tile", 10**400), r"'tile' is 10+\.\.\., expected a whole number"),
        (changed("transpose", 0), "'transpose' is 0, expected a number above 0"),
        (changed("transpose", True), "'transpose' is true, expected a number above 0"),
        (changed("transpose", 10**400), r"'transpose' is 10+\.\.\., expected a number above 0"),
        (changed("transpose", float("nan")), "'transpose' is NaN, expected a number above 0"),
        ("[" * 100_000, "not a JSON file"),
        (changed("transpose", -1), "'transpose' is -1, expected a number above 0"),
        (changed("transpose", "much"), "'transpose' is \"much\""),
        (changed("block", {"4": 1.0}), "'block' needs a cost for each of 1, 2, 4, 8, 16"),
        (
            changed("single", dict.fromkeys(["1", "2", "4", "8", "16"], None)),
            "'single of 1' is null",
        ),
    ],
)
def test_other_files_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "costs.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_costs(path)
    with pytest.raises(FileNotFoundError, match="no such file"):
        read_costs(tmp_path / "none.json")


def test_the_fit_finds_the_constants_that_made_the_points(rng: np.random.Generator) -> None:
    convolutions, single = [], []
    for n in BLOCK_SIZES:
        for blocks, activations in rng.uniform(1e5, 1e7, (6, 2)):
            cost = TRUE.block[n] * blocks + TRUE.transpose * activations
            convolutions.append(Point(n, cost * rng.uniform(0.999, 1.001), blocks, activations))
            cost = TRUE.single[n] * blocks + activations
            single.append(Point(n, cost, blocks, activations))
    found = fit(convolutions, single)
    assert found.block == pytest.approx(TRUE.block, rel=0.01)
    assert found.single == pytest.approx(TRUE.single)
    assert found.transpose == pytest.approx(TRUE.transpose, rel=0.01)


def test_costs_are_never_negative() -> None:
    points = [Point(n, 1.0, 2.0 * blocks, 1.0) for n in BLOCK_SIZES for blocks in (1, 2, 3)]
    found = fit(points, points)
    assert min(*found.block.values(), *found.single.values(), found.transpose) >= 0


def test_conversion_predicts_with_the_costs_it_is_given(rng: np.random.Generator) -> None:
    model = one_conv(sparse_weights(rng, (128, 1, 1, 64)))
    (usual,) = convert(model).report
    (other,) = convert(model, costs=TRUE).report
    assert usual.taken and other.speedup != usual.speedup
    dear = CostModel(dict.fromkeys(BLOCK_SIZES, 100.0), TRUE.single, 7.5, 16)
    assert not convert(model, costs=dear).report[0].taken
