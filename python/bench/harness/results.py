# SPDX-License-Identifier: Apache-2.0
"""Reports as data and as JSON, and the folder that they are written to.

A benchmark overwrites its own files and no others. NAME.json is the mark of one called NAME: it
says so under the key "benchmark". A file of one of its names in a folder without this mark belongs
to somebody else, and the folder is refused.
"""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

_MARK = "benchmark"
_T = TypeVar("_T")


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

    def save(self, report: Any) -> None:
        """Write NAME.json: a report as `to_json` has it."""
        self.path.mkdir(parents=True, exist_ok=True)
        text = json.dumps({_MARK: self.name} | to_json(report), indent=1)
        self.json.write_text(text + "\n")

    def load(self, kind: type[_T]) -> _T:
        """Read NAME.json.

        Raises:
            FileNotFoundError: if there is none.
            ValueError: if it is not of this kind of report.
        """
        if not self.json.is_file():
            raise FileNotFoundError(
                f"{self.json}: no such file; run this without --write-docs first."
            )
        results: dict[str, Any] = json.loads(self.json.read_text())
        del results[_MARK]
        return from_json(kind, results)

    def _is_ours(self) -> bool:
        if not self.json.is_file():
            return False
        try:
            content = json.loads(self.json.read_text())
        except ValueError:
            return False
        return isinstance(content, dict) and content.get(_MARK) == self.name


def to_json(value: Any) -> Any:
    """A dataclass with all in it as JSON can hold it.

    For people's scripts, what a class names in ALSO_IN_JSON is included, too: properties that
    follow from its fields.
    """
    if is_dataclass(value):
        names = [*(field.name for field in fields(value)), *_also(value)]
        return {name: to_json(getattr(value, name)) for name in names}
    if isinstance(value, dict):
        return {name: to_json(each) for name, each in value.items()}
    if isinstance(value, list):
        return [to_json(each) for each in value]
    return value


def from_json(kind: type[_T], data: dict[str, Any]) -> _T:
    """The inverse of `to_json`.

    Raises:
        ValueError: if the results are of another version of the benchmark.
    """
    try:
        report: _T = _read(kind, data)
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(
            f"the results are of another version of this program ({error}); run it again."
        ) from error
    return report


def _read(kind: Any, data: Any) -> Any:
    """A value of a field: plain data, dataclasses, lists and dictionaries of these, or None."""
    if isinstance(kind, type) and is_dataclass(kind):
        kinds = get_type_hints(kind)
        own = {name: each for name, each in data.items() if name not in _also(kind)}
        return kind(**{name: _read(kinds[name], each) for name, each in own.items()})
    origin, inner = get_origin(kind), get_args(kind)
    if origin is list:
        return [_read(inner[0], each) for each in data]
    if origin is dict:
        return {name: _read(inner[1], each) for name, each in data.items()}
    if origin is UnionType:  # with None
        return None if data is None else _read(inner[0], data)
    return data


def _also(kind: Any) -> tuple[str, ...]:
    return getattr(kind, "ALSO_IN_JSON", ())
