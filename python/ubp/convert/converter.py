"""The public conversion function: the steps of this package in their order."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ubp.convert import flatbuffer
from ubp.convert.decide import decide
from ubp.convert.find import find_layers
from ubp.convert.load import load
from ubp.convert.pack import pack_layer
from ubp.convert.report import LayerReport, report_layer, sparsity_of
from ubp.convert.rewrite import replace_operators
from ubp.costs import DEFAULT_COSTS, CostModel
from ubp.format import BLOCK_SIZES, ValueType

WEIGHT_TYPES = {"f32": ValueType.F32, "f16": ValueType.F16, "bf16": ValueType.BF16}


@dataclass(frozen=True)
class ConversionResult:
    """A converted model.

    model: the .tflite file with block-sparse layers; it needs the UBP delegate to run.
    dense: the .tflite file it was made from; it computes the same without the delegate.
    report: every layer with weights, in the order of the file.
    """

    model: bytes = field(repr=False)
    dense: bytes = field(repr=False)
    report: list[LayerReport]

    @property
    def sparsity(self) -> float | None:
        """Share of zeros among the weights of all layers that were examined; None without any.

        Convolutions and dense layers are, converted or not; depthwise and quantised ones are not.
        """
        return sparsity_of(self.report)

    def save(self, path: str | Path, overwrite: bool = False) -> None:
        """Write the converted model.

        Raises:
            FileExistsError: if the file exists and `overwrite` is false.
            FileNotFoundError: if there is no such directory.
        """
        check_output(Path(path), overwrite)
        Path(path).write_bytes(self.model)


def convert(
    model: Any,
    block_size: str | int = "auto",
    weights: str = "f32",
    min_speedup: float = 1.1,
    costs: CostModel = DEFAULT_COSTS,
) -> ConversionResult:
    """Turn the zeros of a model's convolutions and dense layers into speed and a smaller file.

    Every float32 CONV_2D and FULLY_CONNECTED with constant weights that is predicted to gain
    becomes a UbpConv2D or UbpFullyConnected; everything else stays as it is. See
    docs/packed-format.md.

    Args:
        model: a Keras model, the path of a .keras or .tflite file, or a .tflite file's bytes. See
            ubp.convert.load for how Keras models are treated.
        block_size: 1, 2, 4, 8, 16 or "auto", which takes for each layer the size predicted fastest.
            A layer with fewer output channels gets the largest size that fits.
        weights: how the file stores them: "f32" (exact), "f16" or "bf16" (half the size; computed
            with as float32). With "f32", weights that a float16 model has in 16 bits stay f16,
            which is exact, too.
        min_speedup: a layer predicted below this stays an ordinary operator; 0 converts every layer
            that can be.
        costs: what predictions are made with; see ubp.convert.calibrate and read_costs.

    Raises:
        ValueError: if an argument or the model is not what is expected, or a weight does not fit
            f16.
        FileNotFoundError: if the path does not exist.
        ImportError: if a Keras model is given and TensorFlow is not installed.
    """
    size = _checked_block_size(block_size)
    if weights not in WEIGHT_TYPES:
        raise ValueError(f"weights is {weights!r}, expected one of {', '.join(WEIGHT_TYPES)}.")
    dense, source = load(model)
    tree = flatbuffer.parse(dense, source)
    decisions = [decide(layer, size, min_speedup, costs) for layer in find_layers(tree)]
    packed = {
        index: pack_layer(decision, WEIGHT_TYPES[weights])
        for index, decision in enumerate(decisions)
        if decision.taken
    }
    report = [report_layer(decision, packed.get(index)) for index, decision in enumerate(decisions)]
    replace_operators(tree, [(decisions[index].layer, new) for index, new in packed.items()])
    return ConversionResult(flatbuffer.serialize(tree), dense, report)


def check_output(path: Path, overwrite: bool) -> None:
    """Refuse an output file that exists, unless it may be overwritten, or that cannot be.

    Raises:
        FileExistsError, FileNotFoundError: saying so.
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path.parent}: no such directory.")
    if path.exists() and not overwrite:
        raise FileExistsError(
            f"{path} exists already; choose another name, or overwrite it with --force "
            "(overwrite=True in Python)."
        )


def _checked_block_size(block_size: str | int) -> int | None:
    if block_size == "auto":
        return None
    if block_size not in BLOCK_SIZES:
        sizes = ", ".join(map(str, BLOCK_SIZES))
        raise ValueError(f"block_size is {block_size!r}, expected 'auto' or one of {sizes}.")
    return int(block_size)
