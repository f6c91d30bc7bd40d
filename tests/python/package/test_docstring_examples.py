# SPDX-License-Identifier: Apache-2.0
"""The examples in the docstrings of public names: they run as they stand."""

from __future__ import annotations

import doctest

import pytest

import ubp


@pytest.mark.parametrize("name", ubp.__all__)
def test_examples_run(name: str) -> None:
    text = getattr(ubp, name).__doc__ or ""
    example = doctest.DocTestParser().get_doctest(text, {}, f"ubp.{name}", None, 0)
    assert example.examples
    report: list[str] = []
    doctest.DocTestRunner(verbose=False).run(example, out=report.append)
    assert report == []
