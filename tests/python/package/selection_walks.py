# SPDX-License-Identifier: Apache-2.0
"""The public callables of ubp.selection, and what leads to its arrays."""

from __future__ import annotations

import numpy as np
from wrong_arguments import (
    ANYTHING,
    ARRAY,
    CHOICE,
    COUNT,
    INF,
    LAYER,
    LAYERS,
    LIST,
    NAN,
    NUMBER,
    POSITIVE,
    SHARE,
    TEXT,
    THING,
    WHOLE,
    Walk,
)

import ubp
from ubp import lanes, selection

_IMPORTANCE = np.arange(32.0).reshape(4, 8)


def selection_walks() -> dict[str, Walk]:
    """By the public name."""
    curves = ubp.tradeoff_curves([_IMPORTANCE])
    chosen = ubp.select_blocks_global([_IMPORTANCE] * 2, num_blocks=2)
    structure = ubp.block_structure(_IMPORTANCE)
    return {
        "block_structure": Walk(
            ubp.block_structure,
            {"weights": _IMPORTANCE},
            {
                "weights": [None, 3, NAN, TEXT, LIST, np.zeros(3)],
                "block_size": [9, None, *COUNT],
                "block_lanes": [3, None, *COUNT],
                "channel_axis": [3, -4, None, 1.5, True, TEXT],
            },
        ),
        "BlockStructure.plot": Walk(
            structure.plot,
            {},
            {
                "axes": [3, NAN, TEXT, LIST],
                "lanes": [None, *COUNT],
                "channels": [None, *COUNT],
            },
        ),
        "select_blocks": Walk(
            ubp.select_blocks,
            {"importance": _IMPORTANCE, "sparsity": 0.5},
            {
                "importance": LAYER,
                "block_size": [9, None, *COUNT],
                "sparsity": [None, *SHARE],
                "num_blocks": [2],
                "method": CHOICE,
                "block_lanes": [3, None, *COUNT],
                "max_per_start": COUNT,
                "threads": [None, *COUNT],
            },
        ),
        "select_blocks(num_blocks)": Walk(
            ubp.select_blocks,
            {"importance": _IMPORTANCE, "num_blocks": 2},
            {"num_blocks": [None, 9, *WHOLE], "sparsity": [0.5]},
        ),
        "select_blocks_global": Walk(
            ubp.select_blocks_global,
            {"importances": [_IMPORTANCE] * 2, "sparsity": 0.5},
            {
                "importances": LAYERS,
                "block_size": [9, None, *COUNT],
                "sparsity": [None, *SHARE],
                "num_blocks": [2],
                "budget": [2],
                "costs": [3, NAN, True, TEXT, [1, NAN], [1, INF], [1, True], [1, "1"], [1, 0], [1]],
                "normalize": CHOICE,
                "min_density": SHARE,
                "max_density": SHARE,
                "method": CHOICE,
                "block_lanes": [3, None, *COUNT],
            },
        ),
        "select_blocks_global(budget)": Walk(
            ubp.select_blocks_global,
            {"importances": [_IMPORTANCE], "budget": 3, "costs": [1]},
            {"budget": [None, -1, *NUMBER], "num_blocks": [2]},
        ),
        "select_blocks_global(num_blocks)": Walk(
            ubp.select_blocks_global,
            {"importances": [_IMPORTANCE], "num_blocks": 2},
            {"num_blocks": [None, 99, *WHOLE], "costs": [[1]]},
        ),
        "selection.density_limits": Walk(
            selection.density_limits,
            {
                "sizes": selection.LayerSizes([(4, 8)], [4]),
                "min_density": np.array([0.0]),
                "max_density": np.array([1.0]),
            },
            {"sizes": ANYTHING, "min_density": [np.array([NAN])], "max_density": [np.array([2.0])]},
        ),
        "selection.max_num_blocks": Walk(
            selection.max_num_blocks,
            {"shape": (4, 8), "block_size": 4},
            {
                "shape": [None, 3, TEXT, (4,), (4, NAN), ARRAY],
                "block_size": [9, None, *COUNT],
                "block_lanes": [3, None, *COUNT],
            },
        ),
        "selection.backend": Walk(selection.backend, {}, {}),
        "tradeoff_curves": Walk(
            ubp.tradeoff_curves,
            {"importances": [_IMPORTANCE]},
            {
                "importances": LAYERS,
                "block_size": [9, None, *COUNT],
                "block_lanes": [3, None, *COUNT],
                "tolerance": POSITIVE,
                "names": [3, NAN, "x", [], [3], [None]],
                "progress": ANYTHING,
            },
        ),
        "TradeoffCurves.plot": Walk(
            curves.plot,
            {},
            {"axes": [3, NAN, TEXT, LIST], "selection": [3, NAN, TEXT, LIST, chosen]},
        ),
        "TradeoffCurve.bounds": Walk(
            curves[0].bounds,
            {"num_blocks": 2},
            {"num_blocks": [-1, 9, NAN, INF, None, TEXT, [True], THING]},
        ),
        "lanes.to_lanes": Walk(
            lanes.to_lanes,
            {"weights": ARRAY, "channel_axis": 0},
            {
                "weights": [None, 3, NAN, TEXT, LIST, np.zeros(3)],
                "channel_axis": [3, -4, None, 1.5, True, TEXT],
                "input_axis": [3, -4, 0, 1.5, True, TEXT],
            },
        ),
        "lanes.from_lanes": Walk(
            lanes.from_lanes,
            {"matrix": np.zeros((6, 4)), "shape": (2, 3, 4), "channel_axis": -1},
            {
                "matrix": [None, 3, TEXT, np.zeros(3), np.zeros((4, 6))],
                "shape": [None, 3, TEXT, (2, 3), (2, NAN, 4)],
                "channel_axis": [3, -4, None, 1.5, True, TEXT],
                "input_axis": [3, -4, 2, 1.5, True, TEXT],
            },
        ),
        "lanes.input_channels": Walk(
            lanes.input_channels,
            {"shape": (2, 3, 4), "channel_axis": -1},
            {
                "shape": [None, 3, TEXT, (4,), (2, NAN, 4)],
                "channel_axis": [3, -4, None, 1.5, True, TEXT],
                "input_axis": [3, -4, 2, 1.5, True, TEXT],
            },
        ),
        "lanes.sum_lane_groups": Walk(
            lanes.sum_lane_groups,
            {"matrix": _IMPORTANCE, "size": 2},
            {"matrix": [None, 3, TEXT, np.zeros(3)], "size": [3, None, *COUNT]},
        ),
        "lanes.spread_lane_groups": Walk(
            lanes.spread_lane_groups,
            {"matrix": _IMPORTANCE, "size": 2},
            {"matrix": [None, 3, TEXT, np.zeros(3)], "size": [None, *COUNT]},
        ),
    }
