# SPDX-License-Identifier: Apache-2.0
"""Fixtures, and settings for Hypothesis: a busy machine is no failure."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import settings

settings.register_profile("ubp", deadline=None)
settings.load_profile("ubp")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that tables are not cut into lines."""
    monkeypatch.setenv("COLUMNS", "200")
