# SPDX-License-Identifier: Apache-2.0
"""What is measured on a GPU, as files in a folder that need neither TensorFlow nor a network.

cases.json      a list of `Case`
*.tflite        each case's model, and of networks the ordinary file of the same weights
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

import ubp
from bench.harness.networks import Network, prune_in_one_shot, random_model
from bench.harness.quiet import held_back_stderr
from bench.harness.results import from_json, to_json
from ubp.tflite.single_operator import single_convolution

SEED = 0  # of all random weights
DENSE = 0  # the sparsity of a model without zeros
_MANIFEST = "cases.json"


@dataclass(frozen=True)
class Layer:
    """A convolution of stride 1 with an input as large as its output.

    size: height and width.
    kernel: of its window.
    """

    in_channels: int
    out_channels: int
    size: int
    kernel: int = 1

    @property
    def name(self) -> str:
        """As in 512x512@14, or 3x3 128x128@28."""
        window = f"{self.kernel}x{self.kernel} " if self.kernel > 1 else ""
        return f"{window}{self.in_channels}x{self.out_channels}@{self.size}"

    @property
    def multiply_adds(self) -> int:
        """Of one image, no weight being zero."""
        return self.size**2 * self.kernel**2 * self.in_channels * self.out_channels


LAYERS = (
    Layer(64, 128, 56),
    Layer(256, 256, 28),
    Layer(512, 512, 14),
    Layer(1024, 1024, 7),
    Layer(128, 128, 28, kernel=3),
    Layer(256, 256, 14, kernel=3),
)
QUICK_LAYERS = (Layer(32, 32, 14),)


@dataclass(frozen=True)
class Case:
    """One model, to be run in one batch.

    name: of the layer or network.
    kind: "layer" or "network".
    file: its model in the folder; `dense_file` has the same weights for XNNPACK, of a network.
    sparsity: percent of zeros; DENSE: none.
    block_size: channels of a block; 1 where dense.
    aligned: blocks begin at multiples of their size.
    multiply_adds: of one image, no weight being zero; 0 of a network.
    rows, lanes: of the matrix product that a dense 1x1 layer is, for a batch: the pixels, and the
        input channels; 0 elsewhere.
    """

    name: str
    kind: str
    file: str
    dense_file: str
    sparsity: int
    block_size: int
    aligned: bool
    batch: int
    multiply_adds: int = 0
    rows: int = 0
    lanes: int = 0
    columns: int = 0

    @property
    def weights(self) -> str:
        """As in "dense" or "90% N=8 aligned"."""
        if self.sparsity == DENSE:
            return "dense"
        return f"{self.sparsity}% N={self.block_size}{' aligned' if self.aligned else ''}"


@dataclass(frozen=True)
class Choice:
    """What is measured: every combination of these, aligned blocks at the first sparsity only."""

    layers: Sequence[Layer]
    networks: Sequence[Network]
    sparsities: Sequence[int]
    block_sizes: Sequence[int]
    batches: Sequence[int]


def write_cases(choice: Choice, folder: Path) -> list[Case]:
    """Make all models and the list of them; files of the same names are overwritten."""
    folder.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # read when TensorFlow is loaded
    with held_back_stderr():
        cases = [*_layers(choice, folder), *_networks(choice, folder)]
    (folder / _MANIFEST).write_text(json.dumps(to_json(cases), indent=1) + "\n")
    return cases


def read_cases(folder: Path) -> list[Case]:
    """The list in a folder.

    Raises:
        FileNotFoundError: if there is none.
    """
    manifest = folder / _MANIFEST
    if not manifest.is_file():
        raise FileNotFoundError(f"{manifest}: no such file; make it by --prepare {folder}.")
    return [from_json(Case, each) for each in json.loads(manifest.read_text())]


def _weights_of(choice: Choice) -> Iterator[tuple[int, int, bool]]:
    """(sparsity, block size, aligned) of all models of a layer or network."""
    yield DENSE, 1, False
    for sparsity in choice.sparsities:
        for block_size in choice.block_sizes:
            yield sparsity, block_size, False
            if sparsity == choice.sparsities[0]:
                yield sparsity, block_size, True


def _pattern(block_size: int, aligned: bool) -> ubp.Pattern:
    return ubp.AlignedBlock(block_size) if aligned else ubp.UnalignedBlock(block_size)


def _layers(choice: Choice, folder: Path) -> Iterator[Case]:
    for layer in choice.layers:
        lanes = layer.kernel**2 * layer.in_channels
        rng = np.random.default_rng(SEED)
        dense = rng.standard_normal((lanes, layer.out_channels), dtype=np.float32)
        for sparsity, block_size, aligned in _weights_of(choice):
            kept = dense
            if sparsity != DENSE:
                method = "aligned" if aligned else "optimal"
                selection = ubp.select_blocks(
                    dense**2, block_size=block_size, sparsity=sparsity / 100, method=method
                )
                kept = np.where(selection.mask(), dense, np.float32(0))
            model = single_convolution(_as_filters(kept, layer), layer.size, layer.size)
            if sparsity != DENSE:
                model = ubp.convert(model, block_size, min_speedup=0).model
            name = f"layer_{layer.name.replace(' ', '_').replace('@', '_')}"
            file = _write(folder, name, sparsity, block_size, aligned, model)
            for batch in choice.batches:
                product = layer.kernel == 1 and sparsity == DENSE
                yield Case(
                    layer.name,
                    "layer",
                    file,
                    "",
                    sparsity,
                    block_size,
                    aligned,
                    batch,
                    layer.multiply_adds,
                    rows=batch * layer.size**2 if product else 0,
                    lanes=lanes if product else 0,
                    columns=layer.out_channels if product else 0,
                )


def _as_filters(weights: npt.NDArray[np.float32], layer: Layer) -> npt.NDArray[np.float32]:
    """[lanes, out] as TensorFlow Lite has them: [out, kernel_h, kernel_w, in]."""
    shape = (layer.kernel, layer.kernel, layer.in_channels, layer.out_channels)
    return np.ascontiguousarray(weights.reshape(shape).transpose(3, 0, 1, 2))


def _networks(choice: Choice, folder: Path) -> Iterator[Case]:
    for network in choice.networks:
        dense = random_model(network, SEED)
        for sparsity, block_size, aligned in _weights_of(choice):
            if aligned:
                continue
            model = dense
            if sparsity != DENSE:
                model = prune_in_one_shot(dense, sparsity, _pattern(block_size, aligned), SEED)
            size = block_size if sparsity != DENSE else "auto"
            for batch in choice.batches:
                shape = (batch, network.size, network.size, 3)
                result = ubp.convert(model, size, min_speedup=0, shapes=[shape])
                name = f"{network.name}_batch_{batch}"
                file = _write(folder, name, sparsity, block_size, aligned, result.model)
                ordinary = f"{Path(file).stem}_ordinary.tflite"
                (folder / ordinary).write_bytes(result.dense)
                yield Case(
                    network.name, "network", file, ordinary, sparsity, block_size, aligned, batch
                )


def _write(
    folder: Path, name: str, sparsity: int, block_size: int, aligned: bool, model: bytes
) -> str:
    file = f"{name}_{sparsity}_{block_size}{'_aligned' if aligned else ''}.tflite"
    (folder / file).write_bytes(model)
    return file
