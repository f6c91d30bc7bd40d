# SPDX-License-Identifier: Apache-2.0
"""Names that have changed: the old ones work for one version more, with a DeprecationWarning."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Mapping
from typing import Any


def moved(module: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """A module's `__getattr__` for names that are elsewhere now.

    Args:
        module: the module that had them.
        homes: by name, the module that has it now.
    """

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module '{module}' has no attribute '{name}'")
        warnings.warn(
            f"{module}.{name} has moved to {homes[name]}; the old name goes in the next version.",
            DeprecationWarning,
            stacklevel=2,
        )
        return getattr(importlib.import_module(homes[name]), name)

    return get


def warn_renamed(old: str, new: str, stacklevel: int = 3) -> None:
    """Warn a caller that a name has become another one.

    Args:
        old, new: the names, as a caller writes them.
        stacklevel: whose line the warning is about: 3, that of the caller of the caller.
    """
    warnings.warn(
        f"{old} is now {new}; the old name goes in the next version.",
        DeprecationWarning,
        stacklevel=stacklevel,
    )
