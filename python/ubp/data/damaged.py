# SPDX-License-Identifier: Apache-2.0
"""What libraries raise that read a damaged file, or one of another kind."""

from __future__ import annotations

import struct
import zlib

DAMAGED = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RecursionError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
