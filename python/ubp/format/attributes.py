# SPDX-License-Identifier: Apache-2.0
"""The attributes of our custom ops: a checked dataclass each <-> custom_options.

custom_options are a FlexBuffers map from attribute names to integers (docs/packed-format.md,
"Attributes"). Sizes are in elements; `lanes` = kernel_h * kernel_w * in_channels. Written as
unsigned integers; any integer type is read.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import ClassVar

from flatbuffers import flexbuffers

from ubp.constants import FORMAT

VERSION: int = FORMAT["version"]  # the newest; files that hold no int8 values have version 1
INT8_VERSION = 2
CONV_2D: str = FORMAT["operators"]["CONV_2D"]["name"]
FULLY_CONNECTED: str = FORMAT["operators"]["FULLY_CONNECTED"]["name"]
TRANSPOSE_CONV_2D: str = FORMAT["operators"]["TRANSPOSE_CONV"]["name"]
OP_NAMES = (CONV_2D, FULLY_CONNECTED, TRANSPOSE_CONV_2D)
BLOCK_SIZES: tuple[int, ...] = tuple(FORMAT["block_sizes"])
QUAD = 4  # lanes of the larger blocks: neighbours of one tap, the first a multiple of 4
QUAD_BLOCK_SIZES = tuple(n for n in BLOCK_SIZES if n <= FORMAT["max_quad_block_size"])

_MAX_LANES: int = FORMAT["max_lanes"]
_SINCE: dict[str, int] = FORMAT["since"]  # the first version that has an attribute


def _ranges() -> dict[str, Sequence[int]]:
    """The values that each attribute may have, whichever operator has it."""
    kinds = {name: range(least, most + 1) for name, (least, most) in FORMAT["ranges"].items()}
    attributes = {
        name: kinds[kind]
        for operator in FORMAT["operators"].values()
        for name, kind in operator["attributes"].items()
    }
    return {**attributes, "block_size": BLOCK_SIZES, "block_lanes": FORMAT["block_lanes"]}


_RANGES = _ranges()

# What the FlexBuffers reader raises on damaged bytes: it does not check its offsets itself.
_DAMAGED = (AssertionError, IndexError, KeyError, TypeError, ValueError, struct.error)


class ValueType(IntEnum):
    """How the section `values` stores a weight.

    Of I8, a weight is the number stored times the scale of its output channel.
    """

    F32 = FORMAT["value_types"]["F32"]
    F16 = FORMAT["value_types"]["F16"]
    BF16 = FORMAT["value_types"]["BF16"]
    I8 = FORMAT["value_types"]["I8"]


class Activation(IntEnum):
    """The fused activation; the TFLite schema's numbers."""

    NONE = FORMAT["activations"]["NONE"]
    RELU = FORMAT["activations"]["RELU"]
    RELU_N1_TO_1 = FORMAT["activations"]["RELU_N1_TO_1"]
    RELU6 = FORMAT["activations"]["RELU6"]


class Padding(IntEnum):
    """The TFLite schema's numbers."""

    SAME = FORMAT["paddings"]["SAME"]
    VALID = FORMAT["paddings"]["VALID"]


@dataclass(frozen=True, kw_only=True)
class Attributes:
    """The attributes all ops have; `pack` fills in num_blocks, the version and the checksums.

    block_size, block_lanes: output channels and lanes of a block. Blocks of 4 lanes, and int8
        values, are of version 2.
    """

    op: ClassVar[str]

    in_channels: int
    out_channels: int
    block_size: int
    block_lanes: int = 1
    value_type: int = ValueType.F32
    activation: int = Activation.NONE
    num_blocks: int = 0
    bias_checksum: int = 0
    checksum: int = 0
    version: int = 1

    @property
    def lanes(self) -> int:
        """Rows of the layer's weight matrix [lanes, out_channels]."""
        return self.in_channels

    @property
    def lane_groups(self) -> int:
        """What the section `lanes` counts: lanes, or groups of block_lanes of them."""
        return self.lanes // self.block_lanes

    @property
    def groups(self) -> int:
        """Equal parts of the output channels, from one of which into the next no block reaches."""
        return 1

    @property
    def num_starts(self) -> int:
        """Channels at which a block may start: 0 .. out_channels - block_size."""
        return self.out_channels - self.block_size + 1

    def as_dict(self) -> dict[str, int]:
        """All attributes in alphabetical order, the order of the file and of the checksum."""
        names = attribute_names(type(self), self.version)
        return {name: int(getattr(self, name)) for name in names}

    def check(self) -> None:
        """Check every attribute's range.

        Raises:
            ValueError: naming the op, the attribute, its value and what was expected.
        """
        for name, value in self.as_dict().items():
            if value not in _RANGES[name]:
                raise ValueError(
                    f"{self.op}: the attribute '{name}' is {value}, {_expected(name)}."
                )
        self._check_storage()
        if self.block_size > self.out_channels:
            raise ValueError(
                f"{self.op}: the attribute 'block_size' is {self.block_size}, more than the "
                f"{self.out_channels} output channels."
            )
        if self.lanes > _MAX_LANES:
            raise ValueError(
                f"{self.op}: kernel_h * kernel_w * in_channels is {self.lanes}, expected at most "
                f"{_MAX_LANES}."
            )
        places = self.lane_groups * self.num_starts
        if self.num_blocks > places:
            raise ValueError(
                f"{self.op}: the attribute 'num_blocks' is {self.num_blocks}, more than the "
                f"{places} places there are."
            )

    def _check_storage(self) -> None:
        """Version 2 has int8 values, in blocks of 1 lane or 4; version 1 has all other types."""
        is_int8 = self.value_type == ValueType.I8
        if is_int8 != (self.version >= INT8_VERSION):
            expected = f"0 to {ValueType.BF16}" if is_int8 else str(int(ValueType.I8))
            raise ValueError(
                f"{self.op}: the attribute 'value_type' is {self.value_type}, expected {expected} "
                f"in version {self.version}."
            )
        if self.block_lanes == 1:
            return
        if not is_int8:
            raise ValueError(
                f"{self.op}: blocks of {self.block_lanes} lanes hold int8 values only."
            )
        if self.in_channels % QUAD:
            raise ValueError(
                f"{self.op}: the attribute 'in_channels' is {self.in_channels}, expected a "
                f"multiple of {QUAD} for blocks of {QUAD} lanes."
            )
        if self.block_size not in QUAD_BLOCK_SIZES:
            raise ValueError(
                f"{self.op}: the attribute 'block_size' is {self.block_size}, expected at most "
                f"{QUAD_BLOCK_SIZES[-1]} for blocks of {QUAD} lanes."
            )

    def crc(self) -> int:
        """CRC-32 of the op's name and all attributes but `checksum`; the packed buffer goes on."""
        values = [value for name, value in self.as_dict().items() if name != "checksum"]
        return zlib.crc32(struct.pack(f"<{len(values)}I", *values), zlib.crc32(self.op.encode()))

    def to_custom_options(self) -> bytes:
        """The FlexBuffers map that `read_attributes` reads."""
        builder = flexbuffers.Builder()
        with builder.Map():
            for name, value in self.as_dict().items():
                builder.Key(name)
                builder.UInt(value)
        return bytes(builder.Finish())


@dataclass(frozen=True, kw_only=True)
class Conv2DAttributes(Attributes):
    """UbpConv2D: what CONV_2D's options say, in the TFLite schema's terms."""

    op: ClassVar[str] = CONV_2D

    kernel_h: int
    kernel_w: int
    stride_h: int = 1
    stride_w: int = 1
    dilation_h: int = 1
    dilation_w: int = 1
    padding: int = Padding.SAME

    @property
    def lanes(self) -> int:
        return self.kernel_h * self.kernel_w * self.in_channels


@dataclass(frozen=True, kw_only=True)
class FullyConnectedAttributes(Attributes):
    """UbpFullyConnected: what FULLY_CONNECTED's options say."""

    op: ClassVar[str] = FULLY_CONNECTED

    keep_num_dims: int = 0


@dataclass(frozen=True, kw_only=True)
class TransposeConv2DAttributes(Attributes):
    """UbpTransposeConv2D: a convolution of stride 1 whose channels are the pixels of blocks.

    kernel: the convolution's taps. block: the strides, the pixels that one output of the
    convolution becomes; out_channels has block_h * block_w times those of the result. pad: zeros
    around the input. crop: pixels that are cut off the result.
    """

    op: ClassVar[str] = TRANSPOSE_CONV_2D

    kernel_h: int
    kernel_w: int
    block_h: int
    block_w: int
    pad_top: int = 0
    pad_bottom: int = 0
    pad_left: int = 0
    pad_right: int = 0
    crop_top: int = 0
    crop_bottom: int = 0
    crop_left: int = 0
    crop_right: int = 0

    @property
    def lanes(self) -> int:
        return self.kernel_h * self.kernel_w * self.in_channels

    @property
    def groups(self) -> int:
        return self.block_h * self.block_w

    def check(self) -> None:
        super().check()
        if self.out_channels % self.groups:
            raise ValueError(
                f"{self.op}: the attribute 'out_channels' is {self.out_channels}, expected a "
                f"multiple of the {self.groups} pixels of block_h * block_w."
            )


_CLASSES: dict[str, type[Attributes]] = {
    kind.op: kind
    for kind in (Conv2DAttributes, FullyConnectedAttributes, TransposeConv2DAttributes)
}


def attribute_names(kind: type[Attributes], version: int = VERSION) -> list[str]:
    """The keys of an op's custom_options of a version, in alphabetical order."""
    return sorted(field.name for field in fields(kind) if _SINCE.get(field.name, 1) <= version)


def read_attributes(op: str, custom_options: bytes) -> Attributes:
    """Read and check an op's custom_options.

    The checksums are left to `unpack`, which sees the bytes they cover.

    Args:
        op: one of OP_NAMES.
        custom_options: the operator's options as they stand in the file.

    Raises:
        ValueError: if they are not a FlexBuffers map with exactly the op's keys, or an attribute is
            out of range.
    """
    kind = _CLASSES[op]
    found = _read_map(op, custom_options)
    version = found.get("version")
    if version not in _RANGES["version"]:  # looked at first: a newer version may have other keys
        raise ValueError(
            f"{op}: the packed format has version {version}, this release of ubp reads versions 1 "
            f"to {VERSION}; use the release that converted the model."
        )
    assert version is not None
    names = attribute_names(kind, version)
    for name in names:
        if found.get(name) is None:
            raise ValueError(f"{op}: the attribute '{name}' is missing or not an integer.")
    for name in found:
        if name not in names:
            raise ValueError(
                f"{op}: the attribute '{name}' is unknown; expected exactly {', '.join(names)}."
            )
    attributes = kind(**{name: value for name, value in found.items() if value is not None})
    attributes.check()
    return attributes


def _read_map(op: str, custom_options: bytes) -> dict[str, int | None]:
    """A FlexBuffers map's keys and integer values; None for a value that is not an integer."""
    try:
        root = flexbuffers.GetRoot(custom_options)
        if not root.IsMap:
            raise ValueError("not a map")
        entries = root.AsMap
        if len(entries) > len(_RANGES):
            raise ValueError("too many keys")
        pairs = [
            (key.AsKey, value) for key, value in zip(entries.Keys, entries.Values, strict=True)
        ]
        found = {name: value.AsInt if value.IsInt else None for name, value in pairs}
    except _DAMAGED as error:
        raise ValueError(
            f"{op}: custom_options are not a FlexBuffers map of the attributes; the file is "
            "damaged or was not written by ubp convert."
        ) from error
    if len(found) != len(pairs):
        raise ValueError(f"{op}: custom_options hold an attribute twice.")
    return found


def _expected(name: str) -> str:
    allowed = _RANGES[name]
    if isinstance(allowed, range):
        return f"expected {allowed[0]} to {allowed[-1]}"
    return f"expected one of {', '.join(map(str, allowed))}"
