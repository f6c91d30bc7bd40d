# SPDX-License-Identifier: Apache-2.0
"""The Python of the pages runs as it stands, from a page's first block to its last.

`<!-- not run: REASON -->` before a fence says that a block is not run, and why.
"""

from __future__ import annotations

import ast
from pathlib import Path

import matplotlib as mpl
import pytest
from page_blocks import PAGES, ROOT, Block, blocks_of

PYTHON = {
    path.relative_to(ROOT).as_posix(): [
        each for each in blocks_of(path) if each.language == "python"
    ]
    for path in PAGES
}
# Those that train nothing.
QUICK = {"docs/blocks.md", "docs/choosing.md", "docs/selection.md"}
RUN = [page for page, blocks in PYTHON.items() if any(not each.reason for each in blocks)]


@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=[] if page in QUICK else pytest.mark.slow) for page in RUN],
)
def test_the_code_of_a_page_runs(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from surroundings import names_of

    if page == "docs/pytorch.md":
        pytest.importorskip("torch", reason="'./run test --torch' runs this")
    mpl.use("agg")
    monkeypatch.chdir(tmp_path)
    names = names_of(page)
    for block in PYTHON[page]:
        if not block.reason:
            exec(compile_at(block), names)
    if page in ("README.md", "docs/train.md"):
        assert "times as fast" in capsys.readouterr().out


def compile_at(block: Block) -> object:
    """The block's code, with the page's lines in a traceback."""
    tree = ast.parse(block.text, block.page)
    return compile(ast.increment_lineno(tree, block.line), block.page, "exec")


def test_blocks_that_do_not_run_are_few_and_parse() -> None:
    """They are Python all the same."""
    left = [each for blocks in PYTHON.values() for each in blocks if each.reason]
    for block in left:
        compile_at(block)
    assert len(left) <= 5
    assert sum(map(len, PYTHON.values())) > 25
