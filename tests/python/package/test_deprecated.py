# SPDX-License-Identifier: Apache-2.0
"""Names that have moved work for one version more, and say where they are now."""

from __future__ import annotations

import importlib

import pytest

import ubp
from ubp import timing
from ubp.timing import android

_TIMING = (
    "BenchmarkResult",
    "DelegateProfile",
    "ProfiledStep",
    "Timing",
    "benchmark",
    "delegate_profile",
    "read_profile",
)
_ANDROID = ("BenchmarkModel", "Device", "DeviceBenchmark", "RunResult", "parse_result")


@pytest.mark.parametrize(
    ("module", "name", "home"),
    [
        *(("ubp.runtime", name, timing) for name in _TIMING),
        *(("ubp.android", name, android) for name in _ANDROID),
    ],
)
def test_an_old_name_is_the_new_one_and_warns(module: str, name: str, home: object) -> None:
    old = importlib.import_module(module)
    with pytest.warns(DeprecationWarning, match=rf"{module}\.{name} has moved to ubp\.timing"):
        found = getattr(old, name)
    assert found is getattr(home, name)


def test_a_name_that_never_was_is_no_attribute() -> None:
    for module in ("ubp.runtime", "ubp.android"):
        with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
            importlib.import_module(module).nothing  # noqa: B018


def test_results_and_their_types_are_public() -> None:
    names = {"BenchmarkResult", "CostModel", "LayerReport", "Timing", "Verification", "read_costs"}
    assert names <= set(ubp.__all__)
    assert ubp.Timing is timing.Timing
