# SPDX-License-Identifier: Apache-2.0
"""The JSON file of a mapping, which may be edited: see `SchemeMapping.load`."""

from __future__ import annotations

import json
import math
import os
from dataclasses import asdict
from typing import Any

from ubp.arguments import existing_file, shown
from ubp.format import BLOCK_SIZES
from ubp.mapping.scheme_mapping import Alternative, LayerScheme, SchemeMapping
from ubp.selection import max_num_blocks

FORMAT = "ubp mapping"
VERSION = 1


def to_json(mapping: SchemeMapping) -> str:
    """The file's text."""
    found = asdict(mapping)
    del found["schemes"]
    return (
        json.dumps(
            {
                "format": FORMAT,
                "version": VERSION,
                **found,
                "layers": [_layer_out(each) for each in mapping.schemes],
            },
            indent=1,
        )
        + "\n"
    )


def read_mapping(path: str | os.PathLike[str]) -> SchemeMapping:
    """A mapping from a file.

    Raises:
        FileNotFoundError, IsADirectoryError: if there is no such file.
        ValueError: if it is anything else, saying what is wrong.
    """
    path = existing_file("path", path)
    try:
        found = json.loads(path.read_bytes())
    except (RecursionError, ValueError) as error:
        raise ValueError(f"{path}: not a JSON file ({error}).") from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise ValueError(f"{path}: not a mapping; expected a file of 'ubp map'.")
    if found.get("version") != VERSION:
        raise ValueError(
            f"{path}: a mapping of version {shown(found.get('version'))}, expected {VERSION}; make "
            "it anew with 'ubp map'."
        )
    try:
        return _mapping_in(found)
    except (AttributeError, KeyError, TypeError, _WrongError) as error:
        what = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
        raise ValueError(f"{path}: {what}; correct it, or make it anew with 'ubp map'.") from error


class _WrongError(Exception):
    """What is wrong with a value."""


def _layer_out(scheme: LayerScheme) -> dict[str, Any]:
    return {
        "name": scheme.name,
        "scheme": "dense" if scheme.block_size is None else "blocks",
        "block_size": scheme.block_size,
        "density": scheme.density,
        "lanes": scheme.lanes,
        "channels": scheme.channels,
        "us": scheme.us,
        "dense_us": scheme.dense_us,
        "kept": scheme.kept,
        "runner_up": scheme.runner_up,
        "tensor": scheme.tensor,
    }


def _mapping_in(found: dict[str, Any]) -> SchemeMapping:
    if not isinstance(found["layers"], list) or not found["layers"]:
        raise _WrongError(f"'layers' is {shown(found['layers'])}, expected a list of layers")
    if type(found["is_timed"]) is not bool:
        raise _WrongError(f"'is_timed' is {shown(found['is_timed'])}, expected true or false")
    return SchemeMapping(
        _text(found, "model"),
        _text(found, "method"),
        tuple(_layer_in(layer) for layer in found["layers"]),
        _number(found, "budget_us"),
        _number(found, "us"),
        _number(found, "dense_us"),
        _number(found, "fixed_us"),
        _number(found, "gap"),
        found["is_timed"],
        tuple(
            Alternative(*(_number(other, name) for name in ("budget_us", "us", "kept")))
            for other in found["alternatives"]
        ),
        {str(name): str(reason) for name, reason in found["left"].items()},
        None if found["score"] is None else _signed(found, "score"),
        _whole(found, "trials"),
        None if found.get("measured_us") is None else _number(found, "measured_us"),
    )


def _layer_in(found: dict[str, Any]) -> LayerScheme:
    name = _text(found, "name")
    lanes, channels = _size(found, "lanes"), _size(found, "channels")
    if found["scheme"] not in ("dense", "blocks"):
        raise _WrongError(
            f"the scheme of layer '{name}' is {shown(found['scheme'])}, expected 'dense' or "
            "'blocks'"
        )
    size, blocks = None, 0
    if found["scheme"] == "blocks":
        size = found["block_size"]
        if type(size) is not int or size not in BLOCK_SIZES or size > channels:
            sizes = ", ".join(str(n) for n in BLOCK_SIZES if n <= channels)
            raise _WrongError(
                f"the block_size of layer '{name}' is {shown(size)}, expected one of {sizes}"
            )
        density = _number(found, "density")
        if not 0.0 < density <= 1.0:
            raise _WrongError(
                f"the density of layer '{name}' is {shown(density)}, expected a number above 0, at "
                "most 1"
            )
        most = max_num_blocks((lanes, channels), size)
        blocks = min(max(round(density * lanes * channels / size), 1), most)
    return LayerScheme(
        name,
        lanes,
        channels,
        size,
        blocks,
        _number(found, "us"),
        _number(found, "dense_us"),
        _number(found, "kept"),
        _text(found, "runner_up"),
        _text(found, "tensor"),
    )


def _number(found: dict[str, Any], name: str) -> float:
    value = found[name]
    if type(value) not in (int, float) or not 0 <= value <= 1e15 or math.isnan(value):
        raise _WrongError(f"'{name}' is {shown(value)}, expected a number of at least 0")
    return float(value)


def _signed(found: dict[str, Any], name: str) -> float:
    value = found[name]
    if type(value) not in (int, float) or not math.isfinite(value):
        raise _WrongError(f"'{name}' is {shown(value)}, expected a number")
    return float(value)


def _whole(found: dict[str, Any], name: str) -> int:
    value = found[name]
    if type(value) is not int or value < 0:
        raise _WrongError(f"'{name}' is {shown(value)}, expected a whole number of at least 0")
    return value


def _size(found: dict[str, Any], name: str) -> int:
    value = found[name]
    if type(value) is not int or not 1 <= value < 2**31:
        raise _WrongError(f"'{name}' is {shown(value)}, expected a whole number of at least 1")
    return value


def _text(found: dict[str, Any], name: str) -> str:
    value = found[name]
    if not isinstance(value, str):
        raise _WrongError(f"'{name}' is {shown(value)}, expected text")
    return value
