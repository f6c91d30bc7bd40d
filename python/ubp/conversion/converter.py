# SPDX-License-Identifier: Apache-2.0
"""The public conversion function: the steps of this package in their order."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ubp.arguments import check_choice, check_finite, is_whole, shown
from ubp.constants import COSTS
from ubp.conversion.decide import BlockSizes, decide
from ubp.conversion.find import Layer, find_layers
from ubp.conversion.layer_report import LayerReport, report_layers, sparsity_of
from ubp.conversion.load.loader import load
from ubp.conversion.open_sizes import resolve_shapes
from ubp.conversion.pack import pack_layer
from ubp.conversion.rewrite import replace_operators
from ubp.conversion.whole import NetworkTimes, network_times, without_loss
from ubp.costs import DEFAULT_COSTS, CostModel, Costs
from ubp.format import BLOCK_SIZES, ValueType
from ubp.latency import LatencyModel
from ubp.output import write_output
from ubp.runtime.inputs import check_sizes
from ubp.tflite import flatbuffer
from ubp.tflite.archive import append_archive

WEIGHT_TYPES = {
    "f32": ValueType.F32,
    "f16": ValueType.F16,
    "bf16": ValueType.BF16,
    "i8": ValueType.I8,
}
# Of a layer that is worth converting, and that the delegate takes of a file that was not.
MIN_SPEEDUP: float = COSTS["min_speedup"]


@dataclass(frozen=True)
class ConversionResult:
    """A converted model.

        >>> import keras
        >>> import ubp
        >>> model = keras.Sequential([keras.Input((256,)), keras.layers.Dense(64, name="hidden")])
        >>> pruned = ubp.strip(ubp.prune(model, ubp.ConstantSparsity(0.9), layers="hidden"))
        >>> result = ubp.convert(pruned)
        >>> float(round(result.sparsity, 2)), [layer.taken for layer in result.report]
        (0.9, [True])

    Attributes:
        model: the .tflite file with block-sparse layers; it needs the UBP delegate to run.
        dense: the .tflite file it was made from; it computes the same without the delegate.
        report: every layer with weights, in the order of the file.
        input_shapes: of the main graph's inputs, for which speed-ups are predicted, where the model
            leaves sizes open and nobody has given them; otherwise empty.
        times: of the whole network, where `costs` has measured it in place; otherwise None.
    """

    model: bytes = field(repr=False)
    dense: bytes = field(repr=False)
    report: list[LayerReport]
    input_shapes: tuple[tuple[int, ...], ...] = ()
    times: NetworkTimes | None = None

    @property
    def sparsity(self) -> float | None:
        """Share of zeros among the weights of all layers that were examined; None without any.

        Convolutions and dense layers are, converted or not; depthwise ones are not.
        """
        return sparsity_of(self.report)

    def save(self, path: str | os.PathLike[str], overwrite: bool = False) -> None:
        """Write the converted model.

        Raises:
            FileExistsError: if the file exists and `overwrite` is false.
            FileNotFoundError: if there is no such directory.
            OSError: if it cannot be written; a file that was there before is untouched.
        """
        write_output(path, self.model, overwrite)


def convert(
    model: Any,
    block_size: str | int | Mapping[str, int | None] = "auto",
    weights: str = "f32",
    min_speedup: float = MIN_SPEEDUP,
    costs: Costs = DEFAULT_COSTS,
    shapes: Sequence[Sequence[int]] | None = None,
) -> ConversionResult:
    """Turn the zeros of a model's convolutions and dense layers into speed and a smaller file.

    Every float32 CONV_2D, FULLY_CONNECTED and TRANSPOSE_CONV with constant weights, and every int8
    CONV_2D and FULLY_CONNECTED, that is predicted to gain becomes a UbpConv2D, UbpFullyConnected or
    UbpTransposeConv2D; everything else stays as it is. See docs/packed-format.md.

        >>> import keras
        >>> import ubp
        >>> model = keras.Sequential([keras.Input((256,)), keras.layers.Dense(64, name="hidden")])
        >>> pruned = ubp.strip(ubp.prune(model, ubp.ConstantSparsity(0.9), layers="hidden"))
        >>> result = ubp.convert(pruned)
        >>> [(layer.op, layer.taken, layer.block_size) for layer in result.report]
        [('FULLY_CONNECTED', True, 4)]
        >>> len(result.model) < len(result.dense) / 3
        True

    Args:
        model: a Keras model, the path of a .keras or .tflite file, or a .tflite file's bytes. See
            ubp.conversion.load.loader for how Keras models are treated.
        block_size: 1, 2, 4, 8, 16 or "auto", which takes for each layer the size predicted fastest.
            A layer with fewer output channels gets the largest size that fits. Or a mapping from
            names of weights tensors, as the report has them, to a size, with which the layer is
            converted, or to None: it stays; other layers are decided as with "auto".
        weights: how the file stores float weights: "f32" (exact), "f16" or "bf16" (half the size),
            or "i8" (a quarter, with a scale for each channel); all computed with as float32. With
            "f32", weights that a float16 model has in 16 bits stay f16, which is exact, too; int8
            weights stay as they are in any case.
        min_speedup: a layer predicted below this stays an ordinary operator; 0 converts every layer
            that can be.
        costs: what predictions are made with, as `ubp.read_costs` reads them: constants, or a
            `ubp.LatencyModel`; the layers that one has measured in place have their times there,
            and nothing is converted where the whole network would be no faster.
        shapes: for each input of the main graph its shape, for models that leave sizes open: what
            predictions are made for. By default a batch of one picture of 224x224, and 128 for
            other open sizes. A Keras model of unknown batch size is converted for the batch that
            the shapes have.

    Returns:
        The converted file, the dense one that it was made from, and a report of every layer.

    Raises:
        ValueError: if an argument or the model is not what is expected, or a weight does not fit
            f16.
        FileNotFoundError: if the path does not exist.
        ImportError: if a Keras model is given and TensorFlow is not installed.
    """
    size = _checked_block_sizes(block_size)
    _check_numbers(min_speedup, costs)
    check_choice("weights", weights, WEIGHT_TYPES)
    given = None if shapes is None else check_sizes(shapes)
    dense, source = load(model, given)
    tree = flatbuffer.parse(dense, source)
    resolved = resolve_shapes(dense, source, given)
    value_type = WEIGHT_TYPES[weights]
    layers = find_layers(tree, resolved.tensors)
    _check_names(size, layers)
    decisions = decide(layers, size, min_speedup, costs, value_type)
    times = network_times(decisions, costs)
    if min_speedup > 0 and not isinstance(size, Mapping):
        decisions = without_loss(decisions, times)
    packed = {
        index: pack_layer(decision, value_type)
        for index, decision in enumerate(decisions)
        if decision.taken
    }
    replace_operators(tree, [(decisions[index].layer, new) for index, new in packed.items()])
    kept = {index for index, buffer in enumerate(tree.buffers) if buffer.data is not None}
    report = report_layers(decisions, packed, kept)
    converted = append_archive(flatbuffer.serialize(tree), dense) if packed else dense
    assumed = () if shapes is not None else tuple(resolved.inputs.get(0, ()))
    return ConversionResult(converted, dense, report, assumed, times)


def _checked_block_sizes(block_size: Any) -> BlockSizes:
    if not isinstance(block_size, Mapping):
        return _checked_block_size(block_size)
    return {
        str(name): None if size is None else _checked_block_size(size)
        for name, size in block_size.items()
    }


def _check_names(block_size: BlockSizes, layers: Sequence[Layer]) -> None:
    """Refuse names of layers that cannot be converted."""
    if not isinstance(block_size, Mapping):
        return
    known = {layer.name: layer for layer in layers}
    for name, size in block_size.items():
        if name not in known:
            raise ValueError(
                f"block_size names {shown(name)}, which is no weights tensor of the model; it has "
                f"{', '.join(known)}."
            )
        if size is not None and known[name].candidate is None:
            raise ValueError(
                f"block_size names '{name}', which cannot be converted: {known[name].obstacle}."
            )


def _checked_block_size(block_size: Any) -> int | None:
    if isinstance(block_size, str) and block_size == "auto":
        return None
    if not is_whole(block_size) or block_size not in BLOCK_SIZES:
        sizes = ", ".join(map(str, BLOCK_SIZES))
        raise ValueError(f"block_size is {shown(block_size)}, expected 'auto' or one of {sizes}.")
    return int(block_size)


def _check_numbers(min_speedup: float, costs: Costs) -> None:
    check_finite(min_speedup=min_speedup)
    if min_speedup < 0:
        raise ValueError(f"min_speedup is {min_speedup!r}, expected a number of at least 0.")
    if not isinstance(costs, CostModel | LatencyModel):
        raise ValueError(
            f"costs are {shown(costs)}, expected a CostModel or a LatencyModel, as read_costs "
            "gives one."
        )
