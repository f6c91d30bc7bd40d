# SPDX-License-Identifier: Apache-2.0
"""Every source file says what its licence is."""

from pathlib import Path

ROOT = Path(__file__).parents[3]
FOLDERS = ("android", "delegate", "examples", "python", "tests", "third_party", "tools")
NAMED = "SPDX-License-Identifier: Apache-2.0"
SUFFIXES = {".bzl", ".c", ".cc", ".cl", ".h", ".java", ".py", ".sh"}


def test_every_source_file_names_its_licence() -> None:
    """In its first lines, for tools that look for it."""
    files = [
        *(ROOT / name for name in ("BUILD", "WORKSPACE", "run", "setup.py")),
        *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file()),
    ]
    sources = [
        path
        for path in files
        if (path.suffix in SUFFIXES or path.name in ("BUILD", "WORKSPACE", "run"))
        and "target" not in path.parts  # what Maven makes
    ]
    assert len(sources) > 1000
    unlicensed = [
        str(path.relative_to(ROOT))
        for path in sources
        if (text := path.read_text("utf-8")) and NAMED not in text[:200]
    ]
    assert unlicensed == []
