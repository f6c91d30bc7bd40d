"""The folder that a benchmark writes: its own files are overwritten, no others.

NAME.json is the mark of a benchmark called NAME: it says so under the key "benchmark". A file of
one of the benchmark's names in a folder without this mark belongs to somebody else, and the folder
is refused.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_MARK = "benchmark"


class ResultFolder:
    """The results of one benchmark: NAME.json, NAME.png and a folder NAME_cache.

    Args:
        path: made, with the folders above it, when something is written.
        name: the benchmark's.

    Raises:
        FileExistsError: if `path` is a file, or has a file that this benchmark would overwrite but
            did not make.
    """

    def __init__(self, path: Path, name: str) -> None:
        if path.exists() and not path.is_dir():
            raise FileExistsError(f"{path} is a file; name a folder with --output.")
        self.path = path
        self.name = name
        self.json = path / f"{name}.json"
        self.picture = path / f"{name}.png"
        self.cache = path / f"{name}_cache"
        if not self._is_ours():
            for file in (self.json, self.picture):
                if file.exists():
                    raise FileExistsError(
                        f"{file} was not made by this command; name another folder with --output."
                    )

    def save(self, results: dict[str, Any]) -> None:
        """Write NAME.json."""
        self.path.mkdir(parents=True, exist_ok=True)
        text = json.dumps({_MARK: self.name} | results, indent=1)
        self.json.write_text(text + "\n")

    def load(self) -> dict[str, Any]:
        """Read NAME.json.

        Raises:
            FileNotFoundError: if there is none.
        """
        if not self.json.is_file():
            raise FileNotFoundError(
                f"{self.json}: no such file; run this without --write-docs first."
            )
        results: dict[str, Any] = json.loads(self.json.read_text())
        del results[_MARK]
        return results

    def _is_ours(self) -> bool:
        if not self.json.is_file():
            return False
        try:
            content = json.loads(self.json.read_text())
        except ValueError:
            return False
        return isinstance(content, dict) and content.get(_MARK) == self.name
