# SPDX-License-Identifier: Apache-2.0
"""The packed block format (docs/packed-format.md): its only writer and reader in Python.

    attributes.py    what the custom ops' custom_options hold, with every range
    leb128.py        the variable-length integers of the sections `counts` and `lanes`
    values.py        float32, float16, bfloat16 and int8 storage of the weights
    packed_layer.py  one layer's blocks <-> the packed buffer

This package knows arrays and bytes, never models: the converter fills the attributes from a
model's operators.
"""

from ubp.format.attributes import (
    BLOCK_SIZES,
    CONV_2D,
    FULLY_CONNECTED,
    OP_NAMES,
    QUAD,
    QUAD_BLOCK_SIZES,
    TRANSPOSE_CONV_2D,
    VERSION,
    Activation,
    Attributes,
    Conv2DAttributes,
    FullyConnectedAttributes,
    Padding,
    TransposeConv2DAttributes,
    ValueType,
    read_attributes,
)
from ubp.format.packed_layer import PackedLayer, pack, unpack
from ubp.format.values import bytes_per_value

__all__ = [
    "BLOCK_SIZES",
    "CONV_2D",
    "FULLY_CONNECTED",
    "OP_NAMES",
    "QUAD",
    "QUAD_BLOCK_SIZES",
    "TRANSPOSE_CONV_2D",
    "VERSION",
    "Activation",
    "Attributes",
    "Conv2DAttributes",
    "FullyConnectedAttributes",
    "PackedLayer",
    "Padding",
    "TransposeConv2DAttributes",
    "ValueType",
    "bytes_per_value",
    "pack",
    "read_attributes",
    "unpack",
]
