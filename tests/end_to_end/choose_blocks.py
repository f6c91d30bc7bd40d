# SPDX-License-Identifier: Apache-2.0
"""A program for the Python of another machine: chooses blocks with every kernel family there.

usage: choose_blocks.py libubp_selection.so IMPORTANCE.npy BLOCKS.npz

IMPORTANCE.npy is float32 [lanes, channels]. BLOCKS.npz holds, under FAMILY/METHOD, the lanes and
the starts of the blocks at 80% sparsity, N = 4, as one array [2, blocks].
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np

from ubp.selection import METHODS, select_blocks
from ubp.selection.native import binding
from ubp.selection.native.form import VARIABLE


def main() -> None:
    library, importance_path, blocks_path = map(Path, sys.argv[1:])
    binding.LIBRARY = library
    importance = np.load(importance_path)
    blocks = {}
    for family in binding.families():
        os.environ[VARIABLE] = family
        for method in METHODS:
            chosen = select_blocks(importance, 4, sparsity=0.8, method=method)
            blocks[f"{family}/{method}"] = np.stack([chosen.lanes, chosen.starts])
    np.savez(blocks_path, **blocks)


if __name__ == "__main__":
    main()
