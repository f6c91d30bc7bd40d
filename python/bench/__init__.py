"""Benchmarks: `./run bench NAME`, or `python -m bench.NAME`.

    models.py   whole networks, pruned and converted, against dense XNNPACK

    harness/    what benchmarks share: the machine, the folder that they write
    networks/   the steps of the benchmark of whole networks

Not part of the installed package.
"""
