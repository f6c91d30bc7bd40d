# SPDX-License-Identifier: Apache-2.0
"""Pruned U-Nets, converted or not: the delegate runs each in one part, for every batch."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter as StandardInterpreter
from ai_edge_litert.interpreter import OpResolverType

import ubp
from bench.unet.networks import SMALL, WAYS, pruned_model
from ubp.runtime.decisions import delegate_report

Run = Callable[[Any, list[np.ndarray]], list[np.ndarray]]
PLAIN = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
TOLERANCE = 1e-4
BATCHES = (1, 3, 1)


@pytest.fixture(scope="module", params=WAYS)
def files(request: pytest.FixtureRequest) -> dict[str, bytes]:
    """One of the U-Nets at 80%; its batch is open, as TensorFlow's converter leaves it."""
    import tensorflow

    model = pruned_model(request.param, SMALL, 80)
    with contextlib.redirect_stdout(io.StringIO()):  # the signature of what is exported
        dense = tensorflow.lite.TFLiteConverter.from_keras_model(model).convert()
    result = ubp.convert(dense, block_size=4)
    assert any(layer.taken for layer in result.report)
    return {"ordinary": dense, "converted": result.model}


@pytest.mark.parametrize("take", ["auto", "all"])
@pytest.mark.parametrize("file", ["ordinary", "converted"])
def test_one_part_and_the_same_results(
    files: dict[str, bytes], run: Run, tmp_path: Path, file: str, take: str
) -> None:
    left = [node for node in delegate_report(files[file], take=take).nodes if not node.taken]
    assert left == []
    plain = StandardInterpreter(
        model_content=files["ordinary"], experimental_op_resolver_type=PLAIN
    )
    profile = tmp_path / "profile.json"
    interpreter = ubp.Interpreter(files[file], take=take, profile=profile)
    images = np.random.default_rng(1).normal(size=(3, 32, 32, 3)).astype(np.float32)
    outputs = []
    for batch in BATCHES:
        (expected,) = run(plain, [images[:batch]])
        (actual,) = run(interpreter, [images[:batch]])
        np.testing.assert_allclose(actual, expected, rtol=0, atol=TOLERANCE * np.ptp(expected))
        outputs.append(actual)
    np.testing.assert_array_equal(outputs[2], outputs[0])
    del interpreter  # the delegate writes the profile
    plans = json.loads(profile.read_text())["plans"]
    assert len(plans) == len(BATCHES)  # one for each shape: the network is one part
