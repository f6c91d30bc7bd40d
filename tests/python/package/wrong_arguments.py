# SPDX-License-Identifier: Apache-2.0
"""What is wrong for each kind of argument.

The public callables are in pruning_walks.py, selection_walks.py and file_walks.py, and
test_public_walk.py calls them. A public name, or an argument of one, that is in none of these fails
there, so that what is new gets its wrong values, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

import ubp

NAN, INF = float("nan"), float("inf")
TEXT, LIST, ARRAY, THING = "text", [1, [2]], np.zeros((2, 3, 4)), object()

# Wrong for what takes ...
MODEL = [None, 3, NAN, True, [], {}, object, ARRAY, b"text", "none.tflite", "."]
KERAS_MODEL = [None, 3, NAN, True, {}, object, ARRAY, TEXT, keras.Sequential, keras.Sequential()]
WHOLE = [-1, True, 1.5, NAN, INF, "2", LIST, ARRAY, THING]
COUNT = [0, *WHOLE]
STEP = [-2, True, 1.5, NAN, INF, -INF, "2", None, LIST, ARRAY]
NUMBER = [NAN, INF, -INF, True, "1.1", LIST, ARRAY, THING]
POSITIVE = [0, -1.5, None, *NUMBER]
SHARE = [-0.1, 1.1, *NUMBER]
CHOICE = [3, NAN, True, None, TEXT, b"text", LIST, ARRAY, THING]
SCHEDULE = [None, 0.5, NAN, True, TEXT, LIST, ARRAY, ubp.ConstantSparsity]
CALLABLE = [3, NAN, True, TEXT, LIST, ARRAY]
PATH = ["", 3, NAN, True, None, b"path", LIST, ARRAY, THING]
FILE = [*PATH, "none.json", "."]
LAYERS = [
    None,
    3,
    NAN,
    True,
    TEXT,
    [],
    [None],
    [TEXT],
    [LIST],
    np.ones((2, 4, 8)),
    [-np.ones((4, 8))],
    [np.full((4, 8), NAN)],
    [np.full((4, 8), INF)],
    [np.ones((4, 8), np.int64)],
]
LAYER = [each[0] if isinstance(each, list) and each else each for each in LAYERS]
POLICY = [
    3,
    NAN,
    True,
    "nothing",
    ["nothing"],
    [3],
    {"nothing": 0.5},
    {"hidden": "high"},
    {"hidden": 1.5},
    {"hidden": NAN},
    {"hidden": {"sparsity": True}},
    {"hidden": {"n": 4}},
    ARRAY,
]
IMPORTANCE = [3, NAN, True, TEXT, LIST, ARRAY, object]
SCOPE = [3, NAN, True, None, TEXT, LIST, ARRAY, ubp.GlobalBudget]
ANYTHING: list[Any] = []  # a flag: whatever counts as true or false


@dataclass(frozen=True)
class Walk:
    """A callable, arguments that are right, and by each argument's name what is wrong for it."""

    call: Callable[..., Any]
    right: Mapping[str, Any]
    wrong: Mapping[str, list[Any]]
