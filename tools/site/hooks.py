# SPDX-License-Identifier: Apache-2.0
"""What is done to the pages before MkDocs renders them; mkdocs.yml names this file.

- Pages that lie elsewhere in the repository, such as README.md, are pages of the site, too.
- Links that lead out of docs/ lead to these pages, or to a copy of the file. Others are left, so
  that `--strict` finds them.
- Lists are indented as Python's Markdown wants it; the pages are written for CommonMark.
- Public names in the text lead to their reference.
"""

from __future__ import annotations

import argparse
import os
import posixpath
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, SubElement

from markdown import Markdown
from markdown.extensions import Extension
from markdown.inlinepatterns import InlineProcessor
from markdown.util import AtomicString
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "python"))

import ubp  # noqa: E402
from ubp.cli import program  # noqa: E402

# By their path in the repository: the page of the site.
PAGES = {
    "README.md": "index.md",
    "android/README.md": "android.md",
    "examples/README.md": "examples.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
}
COPIES = "files"  # the folder of the site for other files that pages link to
_SOURCES = {page: source for source, page in PAGES.items()}
_LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)#\s]+)")
_FENCE = re.compile(r"(```+)")
_ITEM = re.compile(r"([-*]|\d+\.) +(?=\S)")


def on_config(config: Any) -> Any:
    """Add the links of public names."""
    config.markdown_extensions.append(PublicNames())
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the pages and files that lie outside docs/."""
    for source, page in PAGES.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / source)))
    files.append(File.generated(config, "site.css", abs_src_path=str(ROOT / "tools/site/site.css")))
    linked = {
        _repository_path(page.src_uri, target)
        for page in files.documentation_pages()
        for target in _LINK.findall(page.content_string)
    }
    for path in sorted(linked - {""}):
        uri = _site_path(path)
        if uri.startswith(f"{COPIES}/"):
            files.append(File.generated(config, uri, abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """The page's text as Python's Markdown wants it, with links that hold in the site."""
    uri = page.file.src_uri
    markdown = markdown.replace("<!-- ubp --help -->", commands())
    markdown = "\n".join(with_nested_lists(markdown.splitlines()))
    return _LINK.sub(lambda match: _in_site(uri, match.group()), markdown)


def commands() -> str:
    """What each command's --help says, in Markdown."""
    os.environ["COLUMNS"] = "90"
    parser = program._parser()
    (commands,) = (each for each in parser._actions if isinstance(each, argparse._SubParsersAction))
    parsers = (parser, *commands.choices.values())
    return "\n".join(f"## {each.prog}\n\n```text\n{each.format_help()}```\n" for each in parsers)


def with_nested_lists(lines: list[str]) -> Iterator[str]:
    """Items begin after a blank line, and what belongs to one is indented by four."""
    fence = before = ""
    offsets: list[int] = []  # where the text of the items begins that are open
    for line in lines:
        text = line.lstrip(" ")
        indent = len(line) - len(text)
        was_open = bool(offsets)
        while not fence and text and offsets and indent < offsets[-1]:
            offsets.pop()
        depth, base = len(offsets), offsets[-1] if offsets else 0
        item = None if fence else _ITEM.match(text)
        if item and not was_open and before:
            yield ""
        yield " " * (4 * depth + max(0, indent - base)) + text if text else ""
        if item:
            offsets.append(indent + item.end())
        if fenced := _FENCE.match(text):
            fence = "" if fence == fenced.group(1) else fence or fenced.group(1)
        before = text


def _repository_path(uri: str, target: str) -> str:
    """The file in the repository that a link of a page leads to; "" if there is none."""
    source = _SOURCES.get(uri, f"docs/{uri}")
    path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
    return path if (ROOT / path).is_file() else ""


def _site_path(path: str) -> str:
    if path in PAGES:
        return PAGES[path]
    return path.removeprefix("docs/") if path.startswith("docs/") else f"{COPIES}/{path}"


def _in_site(uri: str, target: str) -> str:
    path = _repository_path(uri, target)
    return posixpath.relpath(_site_path(path), posixpath.dirname(uri) or ".") if path else target


class PublicNames(Extension):
    """`ubp.prune` in the text, with or without arguments, leads to its reference."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802
        """Come before the pattern of code."""
        names = "|".join(ubp.__all__)
        pattern = rf"(?<![\[`])`(ubp\.({names})(\([^`]*\))?)`(?!\])"
        md.inlinePatterns.register(_PublicName(pattern, md), "public-names", 195)


class _PublicName(InlineProcessor):
    def handleMatch(  # type: ignore[override]  # noqa: N802
        self, match: re.Match[str], data: str
    ) -> tuple[Element, int, int]:
        link = Element("autoref", {"identifier": f"ubp.{match.group(2)}"})
        SubElement(link, "code").text = AtomicString(match.group(1))
        return link, match.start(), match.end()
