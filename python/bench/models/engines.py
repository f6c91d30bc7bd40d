# SPDX-License-Identifier: Apache-2.0
"""The environment of other inference engines, and what runs in it.

The virtual environment .deps/peers is made when it is needed. It sees this project's own behind its
own packages, for NumPy and, to convert models, TensorFlow. So its packages are installed without
what they depend on, each in one fixed version.

`python -m bench.models.engines serve ENGINE MODEL THREADS` is a process with a network in an
engine. It answers a request, a line of JSON, by another one:

{"run": {"input": path of .npy, "output": path of .npy}}   -> {}
{"time": number of inferences}                             -> {"ms": [of each inference]}

What an engine raises ends the process; the parent reports it.

`python -m bench.models.engines FORM FROM TO` converts a .tflite file for an engine, with TensorFlow
in reach for tf2onnx. The forms:

onnx      by tf2onnx
mnn       by MNN's converter
mnn_4x1   likewise, with sparse weights: blocks of 4 output channels that start at multiples of 4

All engines compute in float32, on the CPU, a network with one float32 input, NHWC of batch size 1.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, Protocol, TextIO

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

_ROOT = Path(__file__).resolve().parents[3]
_FOLDER = _ROOT / ".deps" / "peers"
_VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
_PACKAGES = _FOLDER / "lib" / _VERSION / "site-packages"

PYTHON = _FOLDER / "bin" / _VERSION
VARIABLES = {"PYTHONPATH": str(_ROOT / "python"), "TF_CPP_MIN_LOG_LEVEL": "3"}

_ONNX_OPSET = 18

# MNN's compression parameters (a protocol buffer): one algorithm, PRUNE of type SIMD_OC, whose
# blocks have 4 output channels. Each field is its number and wire type, its value or length, ...
_BLOCKS_OF_4 = b"\x20\x04"
_SIMD_OC = b"\x08\x01\x1a" + bytes([len(_BLOCKS_OF_4)]) + _BLOCKS_OF_4
_PRUNE = b"\x08\x01\x1a" + bytes([len(_SIMD_OC)]) + _SIMD_OC
_COMPRESSION = b"\x0a\x050.0.0\x12" + bytes([len(_PRUNE)]) + _PRUNE


def install(requirements: Sequence[str]) -> None:
    """Install what is missing.

    Args:
        requirements: "NAME==VERSION" each.

    Raises:
        RuntimeError: if that fails, with the last line that pip printed.
    """
    if not PYTHON.exists():
        run([sys.executable, "-m", "venv", _FOLDER], "making the environment")
    paths = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    (_PACKAGES / "project.pth").write_text("\n".join(dict.fromkeys(paths)) + "\n")
    missing = [each for each in requirements if not is_installed(each, _PACKAGES)]
    if missing:
        pip: list[str | Path] = [
            PYTHON,
            "-m",
            "pip",
            "--disable-pip-version-check",
            "install",
            "--no-deps",
        ]
        run([*pip, *missing], f"installing {', '.join(missing)}")


def is_installed(requirement: str, packages: Path) -> bool:
    """Whether a folder of packages has exactly the version asked for."""
    name, _, version = requirement.partition("==")
    found = distributions(name=name, path=[str(packages)])
    return any(distribution.version == version for distribution in found)


def run(command: Sequence[str | Path], what: str) -> None:
    """Run a program with this environment's variables, its output held back.

    Raises:
        RuntimeError: if it fails, with the last line that it printed; `what` says what was done.
    """
    done = subprocess.run(
        [str(word) for word in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        env=os.environ | VARIABLES,
    )
    if done.returncode:
        lines = done.stdout.strip().splitlines()
        raise RuntimeError(f"{what} failed: {lines[-1] if lines else 'no message'}")


# ---- engines -----------------------------------------------------------------------------------


class Engine(Protocol):
    """One loaded network."""

    def set_input(self, values: Array) -> None:
        """The input of all inferences that follow."""

    def infer(self) -> Any:
        """One inference; this is what is timed."""

    def output(self) -> Array:
        """The output of an inference made for this call."""


class OnnxRuntime:
    """ONNX Runtime: an .onnx file."""

    def __init__(self, model: Path, threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            str(model), options, providers=["CPUExecutionProvider"]
        )
        (self._input,) = self._session.get_inputs()
        self._feed: dict[str, Array] = {}

    def set_input(self, values: Array) -> None:
        self._feed = {self._input.name: values}

    def infer(self) -> Any:
        return self._session.run(None, self._feed)

    def output(self) -> Array:
        return np.asarray(self.infer()[0])


class OpenVino:
    """OpenVINO: an ordinary .tflite file."""

    def __init__(self, model: Path, threads: int) -> None:
        import openvino

        # Unasked it computes in bfloat16 where the processor can.
        options = {
            "INFERENCE_PRECISION_HINT": "f32",
            "INFERENCE_NUM_THREADS": threads,
            "PERFORMANCE_HINT": "LATENCY",
        }
        compiled = openvino.Core().compile_model(str(model), "CPU", options)
        self._request = compiled.create_infer_request()

    def set_input(self, values: Array) -> None:
        self._request.get_input_tensor().data[:] = values

    def infer(self) -> Any:
        self._request.infer()

    def output(self) -> Array:
        self.infer()
        return np.array(self._request.get_output_tensor().data)


class Mnn:
    """MNN: an .mnn file."""

    def __init__(self, model: Path, threads: int) -> None:
        from MNN import expr, nn

        self._expr = expr
        options = {"backend": "CPU", "numThread": threads, "precision": "high"}
        manager = nn.create_runtime_manager((options,))
        self._module = nn.load_module_from_file(str(model), [], [], runtime_manager=manager)
        self._input: Any = None

    def set_input(self, values: Array) -> None:
        self._input = self._expr.placeholder(list(values.shape), self._expr.NHWC, self._expr.float)
        self._input.write(values)

    def infer(self) -> Any:
        return self._module.forward([self._input])

    def output(self) -> Array:
        return np.array(self.infer()[0].read())


ENGINES: dict[str, Callable[[Path, int], Engine]] = {
    "mnn": Mnn,
    "onnxruntime": OnnxRuntime,
    "openvino": OpenVino,
}


# ---- what the environment's processes do -------------------------------------------------------


def to_onnx(source: Path, target: Path) -> None:
    """Convert with tf2onnx."""
    import tf2onnx

    tf2onnx.convert.from_tflite(str(source), opset=_ONNX_OPSET, output_path=str(target))


def to_mnn(source: Path, target: Path, options: tuple[str, ...] = ()) -> None:
    """Convert with MNN's converter.

    Its extension module is called directly: the command `mnnconvert` also installs a package and
    reports its use to MNN's authors.
    """
    import _tools

    files = ("--modelFile", str(source), "--MNNModel", str(target))
    _tools.mnnconvert(["mnnconvert", "-f", "TFLITE", *files, "--bizCode", "bench", *options])


def to_mnn_4x1(source: Path, target: Path) -> None:
    """Convert with MNN's converter, which makes layers with enough zeros sparse."""
    with tempfile.TemporaryDirectory() as folder:
        parameters = Path(folder) / "compression.bin"
        parameters.write_bytes(_COMPRESSION)
        to_mnn(
            source, target, ("--detectSparseSpeedUp", "--compressionParamsFile", str(parameters))
        )


CONVERTERS = {"onnx": to_onnx, "mnn": to_mnn, "mnn_4x1": to_mnn_4x1}


def main() -> None:
    """Serve or convert, as the command line says."""
    task, *rest = sys.argv[1:]
    if task != "serve":
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        source, target = map(Path, rest)
        CONVERTERS[task](source, target)
        return
    # Engines print to standard output; the answers go where nobody else writes.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    engine, model, threads = rest
    serve(ENGINES[engine](Path(model), int(threads)), sys.stdin, answers)


def serve(engine: Engine, requests: TextIO, answers: TextIO) -> None:
    """Answer all requests."""
    for line in requests:
        answer: dict[str, Any] = {}
        ((kind, argument),) = json.loads(line).items()
        if kind == "run":
            engine.set_input(np.load(argument["input"]))
            np.save(argument["output"], engine.output())
        else:
            answer["ms"] = _time_block(engine, argument)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _time_block(engine: Engine, inferences: int) -> list[float]:
    elapsed = []
    for _ in range(inferences):
        begin = time.perf_counter_ns()
        engine.infer()
        elapsed.append((time.perf_counter_ns() - begin) / 1e6)
    return elapsed


if __name__ == "__main__":
    main()
