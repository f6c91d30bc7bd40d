"""Experiments: `./run experiment NAME`, or `python -m experiment.NAME`.

    accuracy.py  which blocks to keep, by what it costs in accuracy
    recipes.py   combinations that come closer to unstructured pruning

    strokes/     the task: pictures that are generated
    study/       what experiments share: recipes, networks, workers, results and their page

Not part of the installed package.
"""
