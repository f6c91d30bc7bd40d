# SPDX-License-Identifier: Apache-2.0
"""The worked example of Keras's backends: from training to a verified file on each."""

from __future__ import annotations

from pathlib import Path

import pytest
from keras_backends import BACKENDS, run_on

EXAMPLE = Path(__file__).parents[3] / "examples" / "any_backend.py"


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
def test_the_same_script_runs(backend: str, tmp_path: Path) -> None:
    *_, pruned, verified = run_on(backend, EXAMPLE, tmp_path).strip().splitlines()
    assert pruned == f"{backend} 0.900 of conv_1 pruned"
    assert verified == "verified: True"
    assert (tmp_path / "model.tflite").stat().st_size > 10_000
