# SPDX-License-Identifier: Apache-2.0
"""`prune_tflite`: the public function, and the steps of this package in their order."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

from ubp.arguments import check_choice, check_share, check_whole, shown
from ubp.conversion.load.files import Model
from ubp.data import Preprocessing, Samples, read_samples
from ubp.data.checks import relative_errors
from ubp.format import BLOCK_SIZES
from ubp.reconstruction.problem import DAMPING
from ubp.tflite_pruning.activations import Activations
from ubp.tflite_pruning.budgets import SCOPES, Blocks, shared_blocks
from ubp.tflite_pruning.first_layers import suspicions_of
from ubp.tflite_pruning.layers import FileLayer, Graph, choose_file_layers, find_file_layers
from ubp.tflite_pruning.opened import OpenedFile
from ubp.tflite_pruning.rebuild import Settings, one_shot, rebuild_layers
from ubp.tflite_pruning.result import OutputError, PrunedFile

PATTERNS = ("unaligned", "aligned", "unstructured")
SAMPLES = 512
_COMPARED = 32  # samples on which a layer's error is followed to the outputs
_OF_PATTERNS = ("block_size", "lanes", "resolve_method", "why_not_counted")  # see PatternLike

_logger = logging.getLogger(__name__)


class PatternLike(Protocol):
    """What `ubp.UnalignedBlock` and its like have."""

    @property
    def block_size(self) -> int: ...
    @property
    def lanes(self) -> int: ...
    def resolve_method(self, method: str) -> str: ...
    def why_not_counted(self) -> str | None: ...


def prune_tflite(
    model: Model,
    data: Any,
    sparsity: float = 0.8,
    *,
    pattern: str | PatternLike = "unaligned",
    block_size: int = 4,
    block_lanes: int = 1,
    scope: str = "layer",
    layers: str | Sequence[str] | None = None,
    preprocess: str | Preprocessing | None = None,
    size: tuple[int, int] | None = None,
    samples: int = SAMPLES,
    refit: bool = True,
    signature: str | None = None,
    seed: int = 0,
    num_threads: int | None = None,
    progress: bool = True,
) -> PrunedFile:
    """Prune a .tflite file without training: from some hundred samples, without labels.

    Layer after layer, blocks of weights are taken from every convolution and fully-connected layer
    with float weights, and those that stay are re-fitted by least squares, so that the layer gives
    what it gave in the dense network, of what it gets in the pruned one. The file may come from any
    framework. Its float16 weights stay float16. See docs/no-training.md.

        >>> import keras
        >>> import numpy as np
        >>> import ubp
        >>> model = keras.Sequential([keras.Input((32,)), keras.layers.Dense(64, name="hidden")])
        >>> rng = np.random.default_rng(0)
        >>> x = rng.normal(size=(300, 4)) @ rng.normal(size=(4, 32))
        >>> dense = ubp.convert(model).dense
        >>> result = ubp.prune_tflite(dense, x, 0.75, layers="*", progress=False)
        >>> round(result.sparsity, 2), result.outputs[0].relative_error < 0.02
        (0.75, True)

    Args:
        model: a .tflite file, by its path or bytes, as `ubp.convert` takes it.
        data: samples of the model's inputs, as they come after preprocessing: an array [samples,
            ...], or a tuple, list or dictionary of them for a model with several inputs; an
            iterable of batches, such as a `tf.data.Dataset`; a .npy or .npz file; or a directory of
            pictures. See `ubp.data.read_samples`.
        sparsity: the share of weights to take, 0 to 1.
        pattern: "unaligned", "aligned" or "unstructured"; or a pattern such as
            `ubp.UnalignedBlock(4)`, which holds in place of `block_size` and `block_lanes`, too.
        block_size: N, the output channels of a block: 1, 2, 4, 8 or 16.
        block_lanes: M, its lanes, which are input channels of one tap: 1, or 4 for int8. Layers
            whose input channels M does not divide are left.
        scope: whose share that is: "layer", of each layer's weights; "global", of all weights
            together; "latency", of what all blocks are predicted to cost together. A shared budget
            goes to the layers whose errors cost most at the outputs; finding out takes longer.
        layers: names of weights tensors, or patterns of names as in a shell; None: all but the
            first convolution and those that no other layer with weights comes behind.
        preprocess: what the model takes for a picture's pixels: "0..1", "-1..1", "raw",
            "imagenet-torch", "imagenet-caffe" or a `ubp.Preprocessing`. Pictures need it.
        size: height and width of pictures, for a model that leaves them open.
        samples: to calibrate on; up to 64 more are read to judge the result by.
        refit: also re-fit layers that are not pruned, depthwise ones among them, behind pruned
            ones.
        signature: whose graph is pruned; None: the main graph.
        seed: of the draw of samples and pixels.
        num_threads: of the interpreters; None: as many as processors.
        progress: show a bar.

    Returns:
        The pruned file and a report: the error of each layer, and of each output on samples that
        were held out. A warning through `logging` says where the values of the data look wrong.

    Raises:
        ValueError: if an argument, the model or the data is not what is expected.
        FileNotFoundError: if a path leads nowhere.
        ImportError: if there are pictures and Pillow is not installed, or SciPy is not.
        RuntimeError: if the interpreter cannot run the model.
    """
    begin = time.perf_counter()
    blocks = _blocks(pattern, block_size, block_lanes, sparsity)
    check_choice("scope", scope, SCOPES)
    check_whole("samples", samples, 1)
    check_whole("seed", seed, 0)
    threads = os.cpu_count() or 1
    if num_threads is not None:
        threads = check_whole("num_threads", num_threads, 1)
    file = OpenedFile.read(model, signature)
    graph = file.graph("dense")
    chosen = choose_file_layers(
        graph, find_file_layers(graph), blocks.block, blocks.method == "aligned", layers
    )
    read = read_samples(
        data,
        file.inputs(),
        limit=samples,
        preprocess=preprocess,
        size=size,
        seed=seed,
        progress=progress,
    )
    calibration, held_out = read.split(samples)
    if min(len(calibration), len(held_out)) < file.batch:
        raise ValueError(
            f"data has {len(read)} samples, for a model that takes {file.batch} at once; expected "
            f"some hundred, of which {file.batch} or more are held out."
        )
    suspicions = suspicions_of(graph, chosen, calibration, threads)
    for text in suspicions:
        _logger.warning("%s: %s", file.source, text)
    positions = [position for layer in chosen if layer.refit for position in layer.operators]
    if scope != "layer":
        blocks = _shared(file, chosen, calibration, blocks, scope, seed, threads, progress)
    dense, pruned = file.graph("dense"), file.graph("pruned")
    activations = Activations(
        dense.model, pruned.model, file.entry.subgraph, calibration, positions, threads
    )
    settings = Settings(blocks, refit, seed=seed)
    report = rebuild_layers(pruned, chosen, activations, settings, progress)
    magnitude = file.graph("magnitude")
    one_shot(magnitude, chosen, blocks)
    result = file.packed(pruned.model)
    return PrunedFile(
        result,
        file.data,
        report,
        _output_errors(file, held_out, result, file.packed(magnitude.model), threads),
        len(calibration),
        len(held_out),
        tuple(suspicions),
        time.perf_counter() - begin,
    )


def _shared(
    file: OpenedFile,
    layers: Sequence[FileLayer],
    samples: Samples,
    blocks: Blocks,
    scope: str,
    seed: int,
    threads: int,
    progress: bool,
) -> Blocks:
    """The blocks of layers that share a budget."""
    trial = replace(file.graph("trial"), shapes=file.shapes(samples) if scope == "latency" else {})
    positions = [position for layer in layers if layer.prune for position in layer.operators]
    activations = Activations(trial.model, trial.model, trial.index, samples, positions, threads)
    some = samples.first(_COMPARED)
    wanted = list(file.outputs(file.data, some, threads))

    def output_errors(graph: Graph) -> list[float]:
        return relative_errors(wanted, file.outputs(file.packed(graph.model), some, threads))

    return shared_blocks(
        trial, layers, activations, blocks, scope, DAMPING, seed, output_errors, progress
    )


def _blocks(pattern: Any, block_size: int, block_lanes: int, sparsity: float) -> Blocks:
    check_share("sparsity", sparsity)
    if all(hasattr(pattern, name) for name in _OF_PATTERNS):
        reason = pattern.why_not_counted()
        if reason is not None:
            raise ValueError(
                f"pattern is {pattern}, but {reason}; expected blocks without a cap, such as "
                "UnalignedBlock(4), or Unstructured()."
            )
        method = pattern.resolve_method("optimal")
        return Blocks(pattern.block_size, method, float(sparsity), block_lanes=pattern.lanes)
    check_choice("pattern", pattern, PATTERNS)
    if check_whole("block_size", block_size, 1) not in BLOCK_SIZES:
        sizes = ", ".join(map(str, BLOCK_SIZES))
        raise ValueError(f"block_size is {shown(block_size)}; expected one of {sizes}.")
    if check_whole("block_lanes", block_lanes, 1) > 1 and pattern == "unstructured":
        raise ValueError(
            f"block_lanes is {block_lanes}, but the pattern is 'unstructured': single weights; "
            "expected 1, or another pattern."
        )
    method = "aligned" if pattern == "aligned" else "optimal"
    size = 1 if pattern == "unstructured" else block_size
    return Blocks(size, method, float(sparsity), block_lanes=block_lanes)


def _output_errors(
    file: OpenedFile, held_out: Samples, pruned: bytes, magnitude: bytes, threads: int
) -> list[OutputError]:
    """The errors of the float outputs, of rebuilding and of the largest weights alone."""
    errors = [
        relative_errors(
            file.outputs(file.data, held_out, threads), file.outputs(each, held_out, threads)
        )
        for each in (pruned, magnitude)
    ]
    return [OutputError(*each) for each in zip(file.output_names(), *errors, strict=True)]
