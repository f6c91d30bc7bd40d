# SPDX-License-Identifier: Apache-2.0
"""Random int8 graphs in the interpreter with the delegate and without: `./run fuzz int8`.

Each is a random float graph with int8 in its place; every number must be the one that the
interpreter computes by itself, with XNNPACK. One that fails is saved in fuzz_output/, made smaller,
and named with the command that repeats it.
"""

from __future__ import annotations

import sys

from fuzz.command import main

if __name__ == "__main__":
    sys.exit(main("int8", __doc__))
