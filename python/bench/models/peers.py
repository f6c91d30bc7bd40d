# SPDX-License-Identifier: Apache-2.0
"""Other inference engines: which they are, and a network made ready for each and compared."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from bench.harness.child import Child
from bench.models.engines import PYTHON, VARIABLES, Array, install, run
from ubp.check.verification import compare_outputs
from ubp.runtime.inputs import random_inputs, set_inputs

# Differences between an engine's outputs and XNNPACK's, of their range: the most that rounding
# makes, and the most that the fast algorithms for 3x3 convolutions make.
NOTED = 1e-3
REFUSED = 1e-2
_COMPARED_INPUTS = 2
_SEED = 0


@dataclass(frozen=True)
class Peer:
    """One engine, set up in one way.

    name: in tables.
    engine: a key of bench.models.engines.ENGINES.
    requirements: packages, in fixed versions.
    form: of the file it reads, a key of bench.models.engines.CONVERTERS; None for .tflite.
    how: what it runs and how that was made, for the page.
    aligned: runs a network that is pruned in blocks that start at multiples of their size.
    """

    name: str
    engine: str
    requirements: tuple[str, ...]
    form: str | None
    how: str
    aligned: bool = False


_MNN = ("MNN==3.6.1",)
_ONNX = ("onnxruntime==1.31.1", "onnx==1.23.2", "tf2onnx==1.17.0")
_OPENVINO = ("openvino==2026.4.1",)

PEERS = (
    Peer("MNN", "mnn", _MNN, "mnn", "MNN's own converter from the .tflite file, weights dense"),
    Peer(
        "MNN 4x1",
        "mnn",
        _MNN,
        "mnn_4x1",
        "the same with its options for sparse weights in blocks of 4 output channels; as it has "
        "aligned blocks only, it runs a network with as many blocks that are aligned",
        aligned=True,
    ),
    Peer("ONNX Runtime", "onnxruntime", _ONNX, "onnx", "tf2onnx from the .tflite file"),
    Peer("OpenVINO", "openvino", _OPENVINO, None, "reads the .tflite file; told to use float32"),
)


def install_peers(notes: list[str]) -> list[Peer]:
    """The peers that can be installed; a sentence is noted for each that cannot."""
    installed = []
    for peer in PEERS:
        try:
            install(peer.requirements)
        except RuntimeError as error:
            notes.append(f"{peer.name}: not measured: {error}")
        else:
            installed.append(peer)
    return installed


# ---- networks for them -------------------------------------------------------------------------


class Worker(Child):
    """Runs one network in one engine. Between requests all its threads are stopped, so that none
    takes time from others by spinning for work.

    Its methods raise RuntimeError if the engine fails.

    Args:
        name: of the engine, for error messages.
        engine: a key of bench.models.engines.ENGINES.
        model: a file that the engine reads.
    """

    def __init__(self, name: str, engine: str, model: Path, threads: int) -> None:
        command: list[str | Path] = [
            PYTHON,
            "-m",
            "bench.models.engines",
            "serve",
            engine,
            model,
            str(threads),
        ]
        super().__init__(name, command, os.environ | VARIABLES)
        self.pause()

    def run(self, values: Array) -> Array:
        """The output for an input, which is also that of the timed inferences."""
        with tempfile.TemporaryDirectory() as folder:
            files = {name: str(Path(folder) / f"{name}.npy") for name in ("input", "output")}
            np.save(files["input"], values)
            self._request("run", files)
            return np.asarray(np.load(files["output"]))

    def time(self, inferences: int) -> list[float]:
        """Milliseconds of each of several inferences."""
        milliseconds: list[float] = self._request("time", inferences)["ms"]
        return milliseconds

    def _request(self, kind: str, argument: Any) -> dict[str, Any]:
        self.resume()
        try:
            return self.ask(json.dumps({kind: argument}))
        finally:
            self.pause()


@dataclass(frozen=True)
class Contender:
    """A peer with a network.

    model: the file that the peer reads.
    reference: .tflite file of the same weights.
    """

    peer: Peer
    model: Path
    reference: Path


@dataclass(frozen=True)
class Running:
    """A contender that gives the right results.

    relative_error: largest difference to XNNPACK's outputs, over their range.
    """

    worker: Worker
    relative_error: float


def convert(
    peers: Iterable[Peer],
    file_of: Callable[[bool], bytes],
    folder: Path,
    label: str,
    notes: list[str],
) -> list[Contender]:
    """Write a network in the form of each peer; a sentence is noted for each that cannot be.

    Args:
        file_of: the .tflite file of the network, pruned in aligned blocks or not.
        folder: where the files go.
        label: of the network, for the notes.
    """
    made = []
    for peer in peers:
        reference = folder / ("aligned.tflite" if peer.aligned else "network.tflite")
        if not reference.exists():
            reference.write_bytes(file_of(peer.aligned))
        model = reference if peer.form is None else folder / f"{peer.form}.model"
        try:
            if peer.form is not None:
                _convert(peer.form, reference, model)
        except RuntimeError as error:
            notes.append(f"{peer.name}: {label} not measured: {error}")
        else:
            made.append(Contender(peer, model, reference))
    return made


def _convert(form: str, source: Path, target: Path) -> None:
    command: list[str | Path] = [PYTHON, "-m", "bench.models.engines", form, source, target]
    run(command, "converting it")
    if not target.exists():
        raise RuntimeError("converting it left no file.")


def start(
    contenders: Iterable[Contender], threads: int, label: str, notes: list[str], stack: ExitStack
) -> dict[str, Running]:
    """Start a process for each, and compare its results with XNNPACK's.

    Args:
        label: of the network, for a sentence in the notes for each that fails or differs.
        stack: ends the processes.

    Returns:
        Those that may be timed, by the peer's name.
    """
    running = {}
    for contender in contenders:
        peer = contender.peer
        worker = stack.enter_context(Worker(peer.name, peer.engine, contender.model, threads))
        try:
            error = _largest_error(contender.reference, worker)
        except RuntimeError as failure:
            notes.append(f"{peer.name}: {label} not measured: {failure}")
            continue
        accepted = error <= REFUSED  # not if it is NaN
        if accepted:
            running[peer.name] = Running(worker, error)
        if not error <= NOTED:
            notes.append(
                f"{peer.name}: {label} {'measured' if accepted else 'not measured'}: its results "
                f"differ from XNNPACK's by {error:.2g} of their range, expected are {NOTED:g}."
            )
    return running


def _largest_error(reference: Path, worker: Worker) -> float:
    """The largest difference of the outputs over their range; NaN if not finite."""
    interpreter = Interpreter(model_path=str(reference))
    interpreter.allocate_tensors()
    (detail,) = interpreter.get_output_details()
    rng = np.random.default_rng(_SEED)
    errors = []
    for _ in range(_COMPARED_INPUTS):
        (values,) = random_inputs(interpreter, rng)
        set_inputs(interpreter, [values])
        interpreter.invoke()
        expected = interpreter.get_tensor(detail["index"])
        actual = worker.run(values).reshape(expected.shape)
        errors.append(compare_outputs(expected, actual, NOTED).relative_error)
    return float(np.max(errors))
