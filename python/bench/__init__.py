"""Benchmarks: `./run bench NAME`, or `python -m bench.NAME`.

    models.py       whole networks, pruned and converted, against dense XNNPACK
    kernels.py      single layers through the kernels, against the machine's peak and dense XNNPACK
    arm.py          inner loops of the kernels for Arm in LLVM's models of processors
    chains.py       random chains of operators: what take=auto takes, and what that gains
    selection.py    which blocks to keep, in all its forms, against textbook algorithms
    permutation.py  importance that blocks keep in permuted channels, and that the function stays

    harness/    what benchmarks share: the machine, the folder and the page that they write
    networks/   the steps of the benchmark of whole networks
    layers/     the steps of the benchmark of single layers
    assembly/   the steps of the benchmark of inner loops
    chain/      the steps of the benchmark of random chains
    blocks/     the steps of the benchmark of block selection
    channels/   the steps of the benchmark of permuted channels
    peers/      other inference engines

Not part of the installed package.
"""
