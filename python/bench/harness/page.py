"""docs/performance.md: each benchmark owns one section of it, and leaves the others alone."""

from __future__ import annotations

from pathlib import Path

from bench.harness.machine import Machine

PAGE = Path(__file__).resolve().parents[3] / "docs" / "performance.md"

_HEAD = """# Performance

Each section is written by `./run bench NAME --write-docs` from the results of `./run bench NAME`,
which anybody can repeat.
"""


def write_section(heading: str, body: str) -> None:
    """Write one section of PAGE, which is made if it is not there; see `replace_section`."""
    text = PAGE.read_text() if PAGE.exists() else _HEAD
    PAGE.write_text(replace_section(text, heading, body))


def replace_section(text: str, heading: str, body: str) -> str:
    """A page with one section replaced, or added at its end.

    Args:
        text: the page, in Markdown.
        heading: of the section, at level 2, without the marks.
        body: what stands below the heading; its own headings are of level 3 and more.
    """
    parts = ("\n" + text).split("\n## ")
    section = f"{heading}\n\n{body.strip()}\n"
    titles = [part.partition("\n")[0] for part in parts[1:]]
    if heading in titles:
        parts[1 + titles.index(heading)] = section
    else:
        parts.append(section)
    return "\n\n## ".join(part.strip() for part in parts) + "\n"


def machine_lines(machine: Machine, date: str) -> str:
    """The machine as a list in Markdown."""
    versions = ", ".join(f"{name} {version}" for name, version in machine.versions.items())
    return f"""- processor: {machine.processor}, {machine.cores} cores, {machine.system}
- vector instructions: {", ".join(machine.instruction_sets) or "not known"}
- versions: {versions}
- delegate: library with SHA-256 {machine.delegate[:16]}...
- date: {date}"""
