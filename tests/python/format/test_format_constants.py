# SPDX-License-Identifier: Apache-2.0
"""constants.json: what docs/packed-format.md says, and what the delegate's header is made of."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from ubp import constants
from ubp.constants import FORMAT
from ubp.format import (
    BLOCK_SIZES,
    OP_NAMES,
    QUAD,
    VERSION,
    Activation,
    Conv2DAttributes,
    FullyConnectedAttributes,
    Padding,
    TransposeConv2DAttributes,
    ValueType,
)
from ubp.format.attributes import attribute_names

ROOT = Path(__file__).parents[3]
OPERATORS = {each["name"]: each["attributes"] for each in FORMAT["operators"].values()}


def documented() -> dict[str, tuple[str, str]]:
    """The operators and values of each attribute, as the table of the format has them."""
    text = (ROOT / "docs" / "packed-format.md").read_text("utf-8")
    table = text[text.index("| key | operators | values |") :].partition("\n\n")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()[2:]]
    return {
        name: (operators, values)
        for keys, operators, values in rows
        for name in re.findall(r"`(\w+)`", keys)
    }


@pytest.fixture(scope="module")
def header() -> str:
    """What Bazel makes for the delegate."""
    command = [
        sys.executable,
        ROOT / "tools" / "constants_header.py",
        ROOT / "python" / "ubp" / "constants.json",
    ]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_the_table_has_every_attribute_of_every_operator() -> None:
    for name, attributes in OPERATORS.items():
        found = {
            key
            for key, (of, _) in documented().items()
            if of.startswith("all") or name in of.split(", ")
        }
        assert found == set(attributes)
    assert set(OPERATORS) == set(OP_NAMES)
    for kind in (Conv2DAttributes, FullyConnectedAttributes, TransposeConv2DAttributes):
        assert attribute_names(kind) == sorted(OPERATORS[kind.op])


def test_the_table_says_which_attributes_are_of_a_later_version() -> None:
    for name, (of, _) in documented().items():
        since = re.fullmatch(r"all, in version (\d)", of)
        assert FORMAT["since"].get(name) == (int(since[1]) if since else None)
    for kind in (Conv2DAttributes, FullyConnectedAttributes, TransposeConv2DAttributes):
        assert set(attribute_names(kind)) - set(attribute_names(kind, 1)) == set(FORMAT["since"])


def test_the_table_has_every_range() -> None:
    values = {name: text for name, (_, text) in documented().items()}
    for attributes in OPERATORS.values():
        for name, kind in attributes.items():
            if kind == "uint32":
                assert "CRC-32" in values[name]
            elif kind == "int32":
                assert "below 2^31" in values[name]
                assert FORMAT["ranges"][kind] == [0, 2**31 - 1]
            elif span := re.match(r"(\d+) \.\. 2\^(\d+)", values[name]):
                assert FORMAT["ranges"][kind] == [int(span[1]), 2 ** int(span[2])]
            elif kind != "block_size":
                listed = [
                    int(number) for number in re.findall(r"(?:^|, |or |; )(\d+)", values[name])
                ]
                assert FORMAT["ranges"][kind] == [listed[0], listed[-1]]
    sizes = re.match(r"N: ([\d, or]+)", values["block_size"])
    assert sizes is not None and tuple(map(int, re.findall(r"\d+", sizes[1]))) == BLOCK_SIZES
    assert FORMAT["block_lanes"] == FORMAT["ranges"]["block_lanes"] == [1, QUAD]


def test_limits_are_those_of_the_ranges() -> None:
    ranges = FORMAT["ranges"]
    assert ranges["channels"][1] == FORMAT["max_channels"]
    assert ranges["window"][1] == FORMAT["max_window"]
    assert ranges["block_size"] == [BLOCK_SIZES[0], BLOCK_SIZES[-1]]
    assert ranges["version"] == [1, VERSION]
    for name, numbers in (
        ("value_type", ValueType),
        ("activation", Activation),
        ("padding", Padding),
    ):
        assert ranges[name] == [min(numbers), max(numbers)]
        assert FORMAT[f"{name}s"] == {each.name: each.value for each in numbers}


def test_the_header_has_every_attribute(header: str) -> None:
    for op, operator in FORMAT["operators"].items():
        rows = header[header.index(f"#define UBP_{op}_ATTRIBUTES(X)") :].partition("\n\n")[0]
        rows = rows.partition("\n#")[0]
        found = re.findall(r"X\((\w+), (\d+), (\d+), (\d+)\)", rows)
        expected = [
            (name, *map(str, FORMAT["ranges"][kind]), str(FORMAT["since"].get(name, 1)))
            for name, kind in sorted(operator["attributes"].items())
        ]
        assert found == expected


@pytest.mark.parametrize(
    "line",
    [
        "int kVersion = 2;",
        "std::array<int, 2> kBlockLanes = {1, 4};",
        "std::array<int, 5> kBlockSizes = {1, 2, 4, 8, 16};",
        "int kMaxChannels = 16777216;",
        "int kValueTypeBF16 = 2;",
        "int kActivationReluN1To1 = 2;",
        "int kPaddingValid = 1;",
        'char kConv2DName[] = "UbpConv2D";',
        'char kFullyConnectedName[] = "UbpFullyConnected";',
        'char kTransposeConvName[] = "UbpTransposeConv2D";',
        "double kMinSpeedup = 1.1;",
        "int kOpenPicture = 224;",
    ],
)
def test_the_header_has_constants_in_the_style_of_the_delegate(header: str, line: str) -> None:
    assert f"inline constexpr {line}\n" in header


def test_the_header_has_the_costs(header: str) -> None:
    listed = ", ".join(map(str, constants.COSTS["block_costs"]))
    assert f"kBlockCosts = {{{listed}}};" in header
    assert f"kTransposeCost = {constants.COSTS['transpose_cost']};" in header
