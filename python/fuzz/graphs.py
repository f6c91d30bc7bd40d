# SPDX-License-Identifier: Apache-2.0
"""Random graphs in the interpreter with the delegate and without: `./run fuzz graphs`.

A graph is made from a seed and its number, so that every run with the same seed looks at the same
graphs. One that fails is saved in fuzz_output/, made smaller, and named with the command that
repeats it.
"""

from __future__ import annotations

import sys

from fuzz.command import main

if __name__ == "__main__":
    sys.exit(main("graphs", __doc__))
