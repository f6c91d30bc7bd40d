# SPDX-License-Identifier: Apache-2.0
"""Prints the C++ header of the constants that the converter and the delegate share.

    python3 tools/constants_header.py python/ubp/constants.json >constants.h

Bazel runs it (//delegate/format:constants); the standard library is all that it needs.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

_TYPE = re.compile(r"[A-Z]{0,2}\d+[A-Z]?")  # such as BF16 and 2D, which stay as they are
_HEADER = """\
// What the converter and the delegate have to agree on: made of python/ubp/constants.json by
// tools/constants_header.py. docs/packed-format.md and docs/converter.md explain it.
#ifndef UBP_DELEGATE_FORMAT_CONSTANTS_H_
#define UBP_DELEGATE_FORMAT_CONSTANTS_H_

#include <array>

namespace ubp {
namespace constants {

// The packed format.
@FORMAT@

// Predictions; in units of one multiply-add, or one weight, of the dense kernel. By block size.
@COSTS@

// What inputs of open size are taken to have.
@SIZES@

}  // namespace constants
}  // namespace ubp

// The attributes of each operator, X(name, least, most, since), in alphabetical order: the order of
// a FlexBuffers map and of the checksum. `since`: the first version that has it.
@ATTRIBUTES@

#endif  // UBP_DELEGATE_FORMAT_CONSTANTS_H_
"""


def header(constants: dict[str, Any]) -> str:
    """The header's text."""
    parts = {
        "FORMAT": _format(constants["format"]),
        "COSTS": _costs(constants["costs"]),
        "SIZES": [_integer(f"open_{name}", size) for name, size in constants["open_sizes"].items()],
        "ATTRIBUTES": _attributes(constants["format"]),
    }
    text = _HEADER
    for name, lines in parts.items():
        text = text.replace(f"@{name}@", "\n".join(lines))
    return text


def _format(found: dict[str, Any]) -> list[str]:
    lines = [
        _integer("version", found["version"]),
        _array("block_sizes", "int", found["block_sizes"]),
        _array("block_lanes", "int", found["block_lanes"]),
    ]
    lines += [_integer(name, value) for name, value in found.items() if name.startswith("max_")]
    for kind in ("value_types", "activations", "paddings"):
        singular = kind[:-1]
        lines += [_integer(f"{singular}_{name}", number) for name, number in found[kind].items()]
    for op, operator in found["operators"].items():
        lines.append(f'inline constexpr char {_name(op + "_name")}[] = "{operator["name"]}";')
    return lines


def _costs(found: dict[str, Any]) -> list[str]:
    return [
        _array(name, "double", value)
        if isinstance(value, list)
        else f"inline constexpr double {_name(name)} = {float(value)!r};"
        for name, value in found.items()
    ]


def _attributes(found: dict[str, Any]) -> list[str]:
    lines = []
    for op, operator in found["operators"].items():
        rows = [f"#define UBP_{op}_ATTRIBUTES(X)"]
        for name, of in sorted(operator["attributes"].items()):
            least, most = found["ranges"][of]
            rows.append(f"  X({name}, {least}, {most}, {found['since'].get(name, 1)})")
        lines.append(" \\\n".join(rows))
    return lines


def _integer(name: str, value: int) -> str:
    return f"inline constexpr int {_name(name)} = {value};"


def _array(name: str, kind: str, values: list[float]) -> str:
    listed = ", ".join(map(repr, values))
    return f"inline constexpr std::array<{kind}, {len(values)}> {_name(name)} = {{{listed}}};"


def _name(words: str) -> str:
    """As a C++ constant: value_type_F32 becomes kValueTypeF32, CONV_2D_name kConv2DName."""
    return "k" + "".join(word[:1].upper() + _rest(word) for word in words.split("_"))


def _rest(word: str) -> str:
    return word[1:] if _TYPE.fullmatch(word) else word[1:].lower()


if __name__ == "__main__":
    sys.stdout.write(header(json.loads(Path(sys.argv[1]).read_text("utf-8"))))
