# SPDX-License-Identifier: Apache-2.0
"""Networks with random weights, pruned in one shot, as ordinary .tflite files; kept in a folder.

Pruning keeps the blocks of largest magnitude. As the weights are independent random numbers, these
are blocks at random lanes and start channels, in exactly the number that the sparsity asks for.
Conversion is not kept: it takes less than a second.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import ubp
from bench.harness.cache import code_and_versions, load_or_make
from bench.harness.networks import Network, prune_in_one_shot, random_model

BLOCK_SIZE = 4
SEED = 0  # of the random weights
# What random weights, masks and the ordinary .tflite file come from.
_CODE = (
    "bench.harness.networks",
    "bench.harness.pruned",
    "ubp.lanes",
    "ubp.conversion.load.loader",
    "ubp.conversion.load.keras_converter",
    "ubp.pruning",
    "ubp.selection",
)


def load_or_build(network: Network, sparsity: int, folder: Path, aligned: bool = False) -> bytes:
    """The .tflite file that `build` returns; made if it is not in the folder.

    It is made again where network, sparsity, versions or the code that made it have changed.
    """
    stem = f"{network.name}_{sparsity}{'_aligned' if aligned else ''}"
    origin = {
        "network": asdict(network),
        "sparsity": sparsity,
        "block_size": BLOCK_SIZE,
        "seed": SEED,
    } | code_and_versions(_CODE)
    file = load_or_make(folder, stem, origin, lambda: build(network, sparsity, aligned))
    return file.read_bytes()


def build(network: Network, sparsity: int, aligned: bool = False) -> bytes:
    """The .tflite file of a network, with zeros but not converted.

    Args:
        network: which one.
        sparsity: percent of zeros in each 1x1 and 3x3 convolution except the first convolution
            (the stem) and the classifier; 0 leaves the network as it is.
        aligned: blocks start at multiples of their size only.
    """
    from ubp.conversion.load.loader import convert_keras

    model = random_model(network, SEED)
    if sparsity:
        pattern = ubp.AlignedBlock(BLOCK_SIZE) if aligned else ubp.UnalignedBlock(BLOCK_SIZE)
        model = prune_in_one_shot(model, sparsity, pattern, SEED)
    return convert_keras(model)
