# SPDX-License-Identifier: Apache-2.0
"""The Android library names every kernel of the native delegate."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
OPTIONS = ROOT / "android" / "library" / "src/main/java/org/ubp/tflite/UbpDelegate.java"


def test_kernels() -> None:
    """A processor has some of them only, so that no JVM test sees them all."""
    sources = [path.read_text() for path in (ROOT / "delegate" / "cpu" / "kernels").glob("*.cc")]
    pattern = re.compile(r'const InstructionSet \w+ = \{"(\w+)"')
    sets = {name for text in sources for name in pattern.findall(text)}
    assert {"avx512", "neon", "portable"} <= sets, "the pattern above is out of date"
    (body,) = re.findall(r"public enum Kernel \{(.*?)\n    \}", OPTIONS.read_text(), re.DOTALL)
    kernels = set(re.findall(r"^      ([A-Z]\w*),?$", body, re.MULTILINE))
    assert {name.lower() for name in kernels} == sets | {"auto", "reference"}
