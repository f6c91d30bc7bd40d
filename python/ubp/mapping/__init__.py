# SPDX-License-Identifier: Apache-2.0
"""Which pruning scheme each layer gets, for a time that one names: `ubp.map_schemes`.

    kernels.py         the layers, their weights and their times
    kept.py            what they keep with blocks of each N: of their importance, or of the outputs
    options.py         what each can be: dense, or so many blocks of an N
    knapsack.py        of each layer one option, of most value together within a time
    rules.py           a choice by a table instead
    problem.py         options and budget together; choices, and the mappings of them
    schemes.py         map_schemes
    measured.py        its choices, measured until one keeps the budget
    searching.py       its search for one, begun or continued
    search.py          the trials of it
    workers.py         the same in several processes
    scores.py          what a mapping loses, which is what trials are scored by
    scheme_mapping.py  SchemeMapping, what it returns
    recipe.py          the JSON file of one
    picture.py         its picture

A mapping can be read without Keras, which scheme_mapping.py, recipe.py, picture.py and knapsack.py
do not load.
"""

from ubp.mapping.scheme_mapping import Alternative, LayerScheme, SchemeMapping

__all__ = ["Alternative", "LayerScheme", "SchemeMapping"]
