# SPDX-License-Identifier: Apache-2.0
"""The fenced blocks of the pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    ROOT / "android" / "README.md",
    ROOT / "examples" / "README.md",
]
_BLOCK = re.compile(
    r"^(?:<!-- not run: (?P<reason>.+?) -->\n)?"
    r"(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Block:
    """A fenced block.

    page: its path in the repository.
    line: of its fence, from 1.
    language: behind the fence; may be empty.
    reason: why it is not run; empty where it is.
    """

    page: str
    line: int
    language: str
    text: str
    reason: str


def blocks_of(path: Path) -> Iterator[Block]:
    """The blocks of a page, in its order."""
    text = path.read_text("utf-8")
    for match in _BLOCK.finditer(text):
        yield Block(
            page=path.relative_to(ROOT).as_posix(),
            line=text.count("\n", 0, match.start("language")) + 1,
            language=match["language"],
            text=match["text"],
            reason=match["reason"] or "",
        )
