"""Networks with random weights, pruned in one shot, as ordinary .tflite files.

Pruning keeps the blocks of largest magnitude. As the weights are independent random numbers, these
are blocks at random lanes and start channels, in exactly the number that the sparsity asks for.
"""

from __future__ import annotations

import keras

import ubp
from bench.networks.zoo import BLOCK_SIZE, SEED, Network
from demo.mobilenet import settle
from ubp.conversion.load.loader import convert_keras


def build(network: Network, sparsity: int, aligned: bool = False) -> bytes:
    """The .tflite file of a network, with zeros but not converted.

    Args:
        network: which one.
        sparsity: percent of zeros in each 1x1 and 3x3 convolution except the first convolution
            (the stem) and the classifier; 0 leaves the network as it is.
        aligned: blocks start at multiples of their size only.
    """
    model = random_model(network)
    return convert_keras(prune_in_one_shot(model, sparsity, aligned) if sparsity else model)


def random_model(network: Network) -> keras.Model:
    """The network with random weights and batch normalisations that fit them."""
    keras.utils.set_random_seed(SEED)
    application = getattr(keras.applications, network.application)
    shape = (network.size, network.size, 3)
    model = application(input_shape=shape, weights=None, **network.options)
    settle(model, SEED)
    return model


def prune_in_one_shot(model: keras.Model, sparsity: int, aligned: bool = False) -> keras.Model:
    """A copy with blocks in the layers that `build` names."""
    pruned = ubp.strip(
        ubp.prune(
            model,
            ubp.ConstantSparsity(sparsity / 100),
            ubp.AlignedBlock(BLOCK_SIZE) if aligned else ubp.UnalignedBlock(BLOCK_SIZE),
            layers=pruned_layers(model),
        )
    )
    settle(pruned, SEED)
    return pruned


def pruned_layers(model: keras.Model) -> list[str]:
    """The names of the 1x1 and 3x3 convolutions without the stem and the classifier."""
    weighted = [layer for layer in model.layers if layer.weights]
    convolutions = [layer for layer in weighted if type(layer) is keras.layers.Conv2D]
    return [
        layer.name
        for layer in convolutions[1:]
        if layer.kernel_size in ((1, 1), (3, 3)) and layer is not weighted[-1]
    ]
