# SPDX-License-Identifier: Apache-2.0
"""Pages in docs/: each benchmark owns one section of its page, and leaves the others alone.

A section is made by the template section.md.j2 beside the benchmark, which begins with the
section's heading. A comment behind the heading names the command that wrote it. Where there is a
template readme.md.j2, too, it makes a section of README.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from bench.harness.table import count_of, markdown_table

_PYTHON = Path(__file__).resolve().parents[2]
DOCS = _PYTHON.parent / "docs"


@dataclass(frozen=True)
class Page:
    """A page.

    name: of its file in docs/, or README.md, which lies beside docs/.
    head: what it begins with, before all sections.
    """

    name: str
    head: str

    @property
    def path(self) -> Path:
        """Of its file."""
        return (DOCS.parent if self.name == "README.md" else DOCS) / self.name

    def write_section(self, command: str, section: str) -> None:
        """Write one section of the page, which is made if it is not there.

        Args:
            command: that writes the section, such as "./run bench models".
            section: in Markdown; begins with a heading of level 2, its own are of level 3 and more.
        """
        text = self.path.read_text() if self.path.exists() else self.head
        self.path.write_text(replace_section(text, command, section))


PERFORMANCE = Page(
    "performance.md",
    """# Performance

Each section is written by `./run bench NAME --write-docs` from the results of `./run bench NAME`,
which anybody can repeat.
""",
)
ACCURACY = Page(
    "accuracy.md",
    """# Accuracy

Each section is written by `./run experiment NAME --write-docs` from the results of
`./run experiment NAME`, which anybody can repeat.
""",
)


README = Page("README.md", "# UBP for TensorFlow Lite\n")


def replace_section(text: str, command: str, section: str) -> str:
    """A page with the section of this command replaced, or added at its end."""
    marker = f"<!-- {command} -->"
    heading, _, body = section.removeprefix("## ").partition("\n")
    marked = f"{heading}\n\n{marker}\n\n{body.strip()}\n"
    parts = ("\n" + text).split("\n## ")
    found = [index for index, part in enumerate(parts) if marker in part.splitlines()]
    if found:
        parts[found[0]] = marked
    else:
        parts.append(marked)
    return "\n\n## ".join(part.strip() for part in parts) + "\n"


def exists(template: str) -> bool:
    """Whether there is a template of this path below python/."""
    return (_PYTHON / template).is_file()


def render(template: str, **values: Any) -> str:
    """Fill in a template.

    Args:
        template: its path below python/, with slashes.
        values: what it may use, beside `table`, `count_of` and the filter `form`, which is Python's
            `format`.
    """
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_PYTHON),
        autoescape=False,  # Markdown
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.globals.update(table=markdown_table, count_of=count_of)
    environment.filters["form"] = format
    return environment
