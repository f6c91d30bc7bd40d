# SPDX-License-Identifier: Apache-2.0
"""Damaged models in the interpreter with the delegate: `./run fuzz files`.

A model of `./run fuzz graphs`, as it is or converted, with some of its fields, tensors or buffers
changed. The interpreter with the delegate must give an error or a result, and not end the process;
files that end the interpreter alone are left out. One that fails is saved in fuzz_output/ and named
with the command that repeats it.
"""

from __future__ import annotations

import sys

from fuzz.command import main

if __name__ == "__main__":
    sys.exit(main("files", __doc__))
