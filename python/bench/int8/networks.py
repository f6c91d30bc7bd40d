# SPDX-License-Identifier: Apache-2.0
"""Int8 networks with random weights, pruned in one shot, as .tflite files; kept in a folder.

Blocks are those of largest magnitude, so that their places are random. Ranges of activations are
those of a batch of noise.
"""

from __future__ import annotations

import contextlib
import io
from dataclasses import asdict
from pathlib import Path

import numpy as np

import ubp
from bench.harness.cache import code_and_versions, load_or_make
from bench.harness.networks import Network, prune_in_one_shot, random_model

SEED = 0  # of the random weights
LANES = 4  # of a block: the inputs of one dot product
_SAMPLES = 8
# What random weights, masks and the ordinary .tflite file come from.
_CODE = (
    "bench.harness.networks",
    "bench.int8.networks",
    "ubp.lanes",
    "ubp.pruning",
    "ubp.quantization",
    "ubp.selection",
)


def load_or_build(network: Network, block_size: int, sparsity: int, folder: Path) -> bytes:
    """The .tflite file that `build` returns; made if it is not in the folder.

    It is made again where the network, its zeros, versions or the code that made it have changed.
    """
    origin = {
        "network": asdict(network),
        "sparsity": sparsity,
        "block": [block_size, LANES],
        "seed": SEED,
        "samples": _SAMPLES,
    } | code_and_versions(_CODE)
    stem = f"{network.name}_{block_size}x{LANES}_{sparsity}"
    file = load_or_make(folder, stem, origin, lambda: build(network, block_size, sparsity))
    return file.read_bytes()


def build(network: Network, block_size: int, sparsity: int) -> bytes:
    """The int8 .tflite file of a network, with zeros but not converted.

    Args:
        block_size: output channels of a block.
        sparsity: percent of zeros in each 1x1 and 3x3 convolution except the first convolution
            (the stem) and the classifier.
    """
    model = random_model(network, SEED)
    pattern = ubp.UnalignedBlock(block_size, lanes=LANES)
    noise = np.random.default_rng(SEED).standard_normal((_SAMPLES, *model.input_shape[1:]))
    with contextlib.redirect_stdout(io.StringIO()):  # where the converter names its folders
        pruned = prune_in_one_shot(model, sparsity, pattern, SEED)
        return ubp.quantize(pruned, noise.astype(np.float32)).model
