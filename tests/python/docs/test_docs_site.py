# SPDX-License-Identifier: Apache-2.0
"""The site is built without a warning, and what must be on it is."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from page_blocks import ROOT

import ubp

SITE = ROOT / "tools" / "site"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site; warnings, of which broken links are some, are errors."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet"]
    done = subprocess.run(
        [*command, "--config-file", SITE / "mkdocs.yml", "--site-dir", folder],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_every_page_is_in_the_navigation() -> None:
    """Or the site is not built: add it to tools/site/mkdocs.yml."""
    named = set(re.findall(r"([\w/-]+\.md)$", (SITE / "mkdocs.yml").read_text(), re.MULTILINE))
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert pages <= named


def test_every_public_name_is_on_one_page() -> None:
    """Add `::: ubp.NAME` to the page in docs/api that it belongs to."""
    pages = "".join(path.read_text() for path in (ROOT / "docs" / "api").glob("*.md"))
    assert sorted(re.findall(r"^::: ubp\.(\w+)$", pages, re.MULTILINE)) == sorted(ubp.__all__)


@pytest.mark.slow
def test_every_public_name_is_explained(site: Path) -> None:
    pages = "".join(page.read_text("utf-8") for page in (site / "api").glob("*.html"))
    for name in ubp.__all__:
        assert pages.count(f'id="ubp.{name}"') == 1, name


@pytest.mark.slow
def test_names_in_the_text_lead_to_the_reference(site: Path) -> None:
    page = (site / "train.html").read_text("utf-8")
    assert re.search(r'<a [^>]*href="api/pruning\.html#ubp\.pruning_summary"', page)


@pytest.mark.slow
def test_pages_from_elsewhere_are_there(site: Path) -> None:
    start = (site / "index.html").read_text("utf-8")
    assert "Twenty lines" in start and 'href="docs/' not in start
    assert "From a Keras model to an app" in (site / "android.html").read_text("utf-8")
    assert "ubp convert" in (site / "api" / "commands.html").read_text("utf-8")
    assert (site / "files" / "delegate" / "cpu" / "kernels" / "wros.h").is_file()


@pytest.mark.slow
def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        loaded = re.findall(
            r'<(?:script|link|img)[^>]+(?:src|href)="(https?:[^"]+)"', page.read_text()
        )
        assert not loaded, (page, loaded)


def test_pictures_are_as_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(SITE)
    import pictures

    for name, draw in pictures.PICTURES.items():
        assert (ROOT / "docs" / "pictures" / f"{name}.svg").read_text("utf-8") == draw(), name


def test_lists_as_pythons_markdown_wants_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(SITE)
    from hooks import with_nested_lists

    text = """Text:
- one
  goes on
  - inner

  ```
  - code
  ```
1. first

   text
After"""
    assert (
        "\n".join(with_nested_lists(text.splitlines()))
        == """Text:

- one
    goes on
    - inner

    ```
    - code
    ```
1. first

    text
After"""
    )
