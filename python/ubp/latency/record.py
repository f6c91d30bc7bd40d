# SPDX-License-Identifier: Apache-2.0
"""The JSON file of a latency model; its `version` rises with what older programs cannot read.

Files of `ubp calibrate`, which hold constants alone, are read, too.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from ubp.arguments import existing_file, shown
from ubp.costs import CostModel, LayerShape, costs_of
from ubp.format import BLOCK_SIZES
from ubp.latency.model import Device, LatencyModel
from ubp.latency.network import Line, MeasuredLayer, MeasuredNetwork, Setting, Trial
from ubp.latency.shapes import Point

FORMAT = "ubp latency model"
VERSION = 1
_MOST = 1e15  # of any number

_T = TypeVar("_T")


def to_json(model: LatencyModel) -> str:
    """The file's text."""
    found: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "device": None if model.device is None else asdict(model.device),
        "multiply_add_us": model.multiply_add_us,
        "costs": asdict(model.costs),
        "points": [_point_out(point) for point in model.points],
        "network": None if model.network is None else _network_out(model.network),
    }
    return json.dumps(found, indent=1) + "\n"


def read_costs(path: str | os.PathLike[str]) -> CostModel | LatencyModel:
    """Read a file of `ubp calibrate` or `ubp profile`, for `ubp.convert` and `ubp.LatencyBudget`.

        >>> import tempfile
        >>> import ubp
        >>> from ubp.costs import DEFAULT_COSTS
        >>> with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        ...     _ = file.write(DEFAULT_COSTS.to_json())
        ...     file.flush()
        ...     ubp.read_costs(file.name) == DEFAULT_COSTS
        True

    Args:
        path: of the file.

    Returns:
        Constants, in multiply-adds of a dense kernel; or measured times, in microseconds.

    Raises:
        FileNotFoundError, IsADirectoryError: if there is no such file.
        ValueError: if it is anything else, saying what is wrong.
    """
    found = read_latency(existing_file("path", path))
    return found if found.points or found.network is not None else found.costs


def read_latency(path: Path) -> LatencyModel:
    """A file of either kind.

    Raises:
        ValueError: if it is none, naming it and what is wrong.
    """
    try:
        found = json.loads(path.read_bytes())
    except (RecursionError, ValueError) as error:
        raise ValueError(f"{path}: not a JSON file ({error}).") from error
    return latency_of(found, str(path))


def latency_of(found: Any, source: str) -> LatencyModel:
    """What a file holds, read as JSON.

    Raises:
        ValueError: as of `read_latency`.
    """
    if not isinstance(found, dict) or "format" not in found:
        return LatencyModel(costs_of(found, source))
    if found["format"] != FORMAT:
        raise ValueError(
            f"{source}: its format is {shown(found['format'])}, expected '{FORMAT}', as "
            "'ubp profile' writes it."
        )
    if found.get("version") != VERSION:
        raise ValueError(
            f"{source}: a latency model of version {shown(found.get('version'))}, expected "
            f"{VERSION}; make it anew with 'ubp profile'."
        )
    try:
        return _model_in(found, source)
    except (AttributeError, KeyError, TypeError, _WrongError) as error:
        what = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
        raise ValueError(
            f"{source}: not a whole latency model ({what}); make it anew with 'ubp profile'."
        ) from error


class _WrongError(Exception):
    """What is wrong with a value."""


def _model_in(found: dict[str, Any], source: str) -> LatencyModel:
    return LatencyModel(
        costs_of(found["costs"], source),
        _optional(found["multiply_add_us"], lambda value: _number(value, "multiply_add_us")),
        _optional(found["device"], _device_in),
        tuple(_point_in(point) for point in _list(found["points"])),
        _optional(found["network"], _network_in),
    )


def _optional(found: Any, read: Callable[[Any], _T]) -> _T | None:
    return None if found is None else read(found)


def _number(found: Any, name: str, least: float = 0.0) -> float:
    if type(found) not in (int, float) or not least <= found <= _MOST or math.isnan(found):
        raise _WrongError(f"'{name}' is {shown(found)}, expected a number of at least {least:g}")
    return float(found)


def _whole(found: Any, name: str) -> int:
    if type(found) is not int or not 0 <= found <= _MOST:
        raise _WrongError(f"'{name}' is {shown(found)}, expected a whole number of at least 0")
    return found


def _text(found: Any, name: str) -> str:
    if not isinstance(found, str):
        raise _WrongError(f"'{name}' is {shown(found)}, expected text")
    return found


def _truth(found: Any, name: str) -> bool:
    if type(found) is not bool:
        raise _WrongError(f"'{name}' is {shown(found)}, expected true or false")
    return found


def _list(found: Any) -> list[Any]:
    if not isinstance(found, list):
        raise _WrongError(f"{shown(found)} is no list")
    return found


def _size(found: Any) -> int:
    size = int(found) if isinstance(found, str) and found.isdecimal() else found
    if type(size) is not int or size not in BLOCK_SIZES:
        sizes = ", ".join(map(str, BLOCK_SIZES))
        raise _WrongError(f"a block size is {shown(found)}, expected one of {sizes}")
    return size


def _device_in(found: dict[str, Any]) -> Device:
    texts = ("name", "machine", "instruction_set", "delegate", "date")
    return Device(
        threads=_whole(found["threads"], "threads"),
        **{name: _text(found[name], name) for name in texts},
    )


def _shape_in(found: dict[str, Any]) -> LayerShape:
    sizes = ("lanes", "channels", "in_channels", "weights")
    return LayerShape(
        **{name: _whole(found[name], name) for name in sizes},
        in_pixels=_number(found["in_pixels"], "in_pixels", 1e-9),
        out_pixels=_number(found["out_pixels"], "out_pixels", 1e-9),
    )


def _point_out(point: Point) -> dict[str, Any]:
    return {**asdict(point), "us": _rounded(point.us)}


def _point_in(found: dict[str, Any]) -> Point:
    return Point(
        _shape_in(found["shape"]),
        _optional(found["block_size"], _size),
        _whole(found["num_blocks"], "num_blocks"),
        _number(found["us"], "us", 1e-9),
        _truth(found["held_out"], "held_out"),
    )


def _network_out(network: MeasuredNetwork) -> dict[str, Any]:
    return {
        "model": network.model,
        "dense_us": _rounded(network.dense_us),
        "fixed_us": _rounded(network.fixed_us),
        "layers": [
            {
                "name": layer.name,
                "tensor": layer.tensor,
                "shape": asdict(layer.shape),
                "dense_us": _rounded(layer.dense_us),
                "sparse": {
                    str(n): [_rounded(line.fixed_us), float(f"{line.block_us:.6g}")]
                    for n, line in layer.sparse.items()
                },
            }
            for layer in network.layers
        ],
        "trials": [
            {"settings": trial.settings, "us": _rounded(trial.us), "held_out": trial.held_out}
            for trial in network.trials
        ],
    }


def _network_in(found: dict[str, Any]) -> MeasuredNetwork:
    return MeasuredNetwork(
        _text(found["model"], "model"),
        _number(found["dense_us"], "dense_us", 1e-9),
        _number(found["fixed_us"], "fixed_us"),
        tuple(_layer_in(layer) for layer in _list(found["layers"])),
        tuple(_trial_in(trial) for trial in _list(found["trials"])),
    )


def _layer_in(found: dict[str, Any]) -> MeasuredLayer:
    lines: Mapping[str, Any] = found["sparse"]
    return MeasuredLayer(
        _text(found["name"], "name"),
        _text(found["tensor"], "tensor"),
        _shape_in(found["shape"]),
        _number(found["dense_us"], "dense_us"),
        {_size(n): _line_in(line) for n, line in lines.items()},
    )


def _line_in(found: Any) -> Line:
    if len(_list(found)) != 2:
        raise _WrongError(f"{shown(found)} is no pair of microseconds, fixed and of a block")
    return Line(*(_number(value, "sparse") for value in found))


def _trial_in(found: dict[str, Any]) -> Trial:
    settings: Mapping[str, Any] = found["settings"]
    return Trial(
        {name: _optional(setting, _setting_in) for name, setting in settings.items()},
        _number(found["us"], "us", 1e-9),
        _truth(found["held_out"], "held_out"),
    )


def _setting_in(found: Any) -> Setting:
    if len(_list(found)) != 2:
        raise _WrongError(f"{shown(found)} is no pair of N and a number of blocks")
    return _size(found[0]), _whole(found[1], "settings")


def _rounded(us: float) -> float:
    return round(us, 3)
