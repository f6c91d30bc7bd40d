# SPDX-License-Identifier: Apache-2.0
"""The native core of selection: C++ beside this file, its binding, and which form is in use.

binding.py   `libubp_selection.so`, to NumPy arrays and back
form.py      whether the native core or the NumPy form (layer/numpy_form.py) does the work
*.cc, *.h    the core itself; the steps are those of the NumPy form
"""

from ubp.selection.native.binding import (
    LIBRARY,
    Chosen,
    LayerBlocks,
    LayerScores,
    PreparedLayers,
    families,
)

__all__ = ["LIBRARY", "Chosen", "LayerBlocks", "LayerScores", "PreparedLayers", "families"]
