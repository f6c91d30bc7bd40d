# SPDX-License-Identifier: Apache-2.0
"""Which form of block selection is in use: the native core, or the one in NumPy.

They give the same blocks. The environment variable UBP_SELECTION forces one, at any time:

    numpy                            the NumPy form
    native                           the native core, on the fastest instruction set at hand
    avx512, avx2, neon, portable     the native core, on this instruction set
    unset or auto                    the native core if its library is there, else NumPy
"""

from __future__ import annotations

import os

from ubp.selection.native import binding

VARIABLE = "UBP_SELECTION"
NUMPY = "numpy"
_AUTO, _NATIVE = "auto", "native"


def backend() -> str:
    """What `select_blocks` uses now: "numpy", or the native core's instruction set.

    Raises:
        ValueError: if UBP_SELECTION names nothing that there is.
        FileNotFoundError: if it asks for the native core, and the library is missing.
        OSError: if the library is there, but cannot be loaded or is of another version.
    """
    wanted = os.environ.get(VARIABLE) or _AUTO
    if wanted == NUMPY:
        return NUMPY
    families = binding.families()
    if wanted in families:
        return wanted
    if wanted == _AUTO:
        return families[0] if families else NUMPY
    if not families:
        raise FileNotFoundError(
            f"{VARIABLE} is {wanted!r}, but {binding.LIBRARY} does not exist; run './run build' in "
            f"a checkout, reinstall the package, or unset {VARIABLE}."
        )
    if wanted == _NATIVE:
        return families[0]
    raise ValueError(
        f"{VARIABLE} is {wanted!r}; expected {_AUTO}, {NUMPY}, {_NATIVE} or an instruction set "
        f"that this processor has: {', '.join(families)}."
    )
