"""The public conversion function: the steps of this package in their order."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ubp.arguments import check_choice, check_finite, is_whole, shown
from ubp.constants import COSTS
from ubp.conversion.decide import decide
from ubp.conversion.find import find_layers
from ubp.conversion.layer_report import LayerReport, report_layers, sparsity_of
from ubp.conversion.load.loader import load
from ubp.conversion.open_sizes import resolve_shapes
from ubp.conversion.pack import pack_layer
from ubp.conversion.rewrite import replace_operators
from ubp.costs import DEFAULT_COSTS, CostModel
from ubp.format import BLOCK_SIZES, ValueType
from ubp.output import write_output
from ubp.runtime.inputs import check_sizes
from ubp.tflite import flatbuffer
from ubp.tflite.archive import append_archive

WEIGHT_TYPES = {"f32": ValueType.F32, "f16": ValueType.F16, "bf16": ValueType.BF16}
# Of a layer that is worth converting, and that the delegate takes of a file that was not.
MIN_SPEEDUP: float = COSTS["min_speedup"]


@dataclass(frozen=True)
class ConversionResult:
    """A converted model.

    model: the .tflite file with block-sparse layers; it needs the UBP delegate to run.
    dense: the .tflite file it was made from; it computes the same without the delegate.
    report: every layer with weights, in the order of the file.
    input_shapes: of the main graph's inputs, for which speed-ups are predicted, where the model
        leaves sizes open and nobody has given them; otherwise empty.
    """

    model: bytes = field(repr=False)
    dense: bytes = field(repr=False)
    report: list[LayerReport]
    input_shapes: tuple[tuple[int, ...], ...] = ()

    @property
    def sparsity(self) -> float | None:
        """Share of zeros among the weights of all layers that were examined; None without any.

        Convolutions and dense layers are, converted or not; depthwise and quantised ones are not.
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
    block_size: str | int = "auto",
    weights: str = "f32",
    min_speedup: float = MIN_SPEEDUP,
    costs: CostModel = DEFAULT_COSTS,
    shapes: Sequence[Sequence[int]] | None = None,
) -> ConversionResult:
    """Turn the zeros of a model's convolutions and dense layers into speed and a smaller file.

    Every float32 CONV_2D, FULLY_CONNECTED and TRANSPOSE_CONV with constant weights that is
    predicted to gain becomes a UbpConv2D, UbpFullyConnected or UbpTransposeConv2D; everything else
    stays as it is. See docs/packed-format.md.

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
            A layer with fewer output channels gets the largest size that fits.
        weights: how the file stores them: "f32" (exact), "f16" or "bf16" (half the size; computed
            with as float32). With "f32", weights that a float16 model has in 16 bits stay f16,
            which is exact, too.
        min_speedup: a layer predicted below this stays an ordinary operator; 0 converts every layer
            that can be.
        costs: what predictions are made with, as `ubp.read_costs` reads them.
        shapes: for each input of the main graph its shape, for models that leave sizes open: what
            predictions are made for. By default a batch of one picture of 224x224, and 128 for
            other open sizes. A Keras model of unknown batch size is converted for the batch that
            the shapes have.

    Raises:
        ValueError: if an argument or the model is not what is expected, or a weight does not fit
            f16.
        FileNotFoundError: if the path does not exist.
        ImportError: if a Keras model is given and TensorFlow is not installed.
    """
    size = _checked_block_size(block_size)
    _check_numbers(min_speedup, costs)
    check_choice("weights", weights, WEIGHT_TYPES)
    given = None if shapes is None else check_sizes(shapes)
    dense, source = load(model, given)
    tree = flatbuffer.parse(dense, source)
    resolved = resolve_shapes(dense, source, given)
    decisions = decide(find_layers(tree, resolved.tensors), size, min_speedup, costs)
    packed = {
        index: pack_layer(decision, WEIGHT_TYPES[weights])
        for index, decision in enumerate(decisions)
        if decision.taken
    }
    replace_operators(tree, [(decisions[index].layer, new) for index, new in packed.items()])
    kept = {index for index, buffer in enumerate(tree.buffers) if buffer.data is not None}
    report = report_layers(decisions, packed, kept)
    converted = append_archive(flatbuffer.serialize(tree), dense) if packed else dense
    assumed = () if shapes is not None else tuple(resolved.inputs.get(0, ()))
    return ConversionResult(converted, dense, report, assumed)


def _checked_block_size(block_size: str | int) -> int | None:
    if isinstance(block_size, str) and block_size == "auto":
        return None
    if not is_whole(block_size) or block_size not in BLOCK_SIZES:
        sizes = ", ".join(map(str, BLOCK_SIZES))
        raise ValueError(f"block_size is {shown(block_size)}, expected 'auto' or one of {sizes}.")
    return int(block_size)


def _check_numbers(min_speedup: float, costs: CostModel) -> None:
    check_finite(min_speedup=min_speedup)
    if min_speedup < 0:
        raise ValueError(f"min_speedup is {min_speedup!r}, expected a number of at least 0.")
    if not isinstance(costs, CostModel):
        raise ValueError(
            f"costs are {shown(costs)}, expected a CostModel, as read_costs gives one."
        )
