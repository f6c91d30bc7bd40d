"""Benchmarks: `./run bench NAME`, or `python -m bench.NAME`.

    models.py   whole networks, pruned and converted, against dense XNNPACK
    kernels.py  single layers through the kernels, against the machine's peak and dense XNNPACK
    permutation.py  importance that blocks keep in permuted channels, and that the function stays

    harness/    what benchmarks share: the machine, the folder and the page that they write
    networks/   the steps of the benchmark of whole networks
    layers/     the steps of the benchmark of single layers
    channels/   the steps of the benchmark of permuted channels
    peers/      other inference engines

Not part of the installed package.
"""
