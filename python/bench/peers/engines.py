"""Inference engines behind one interface; loaded by worker.py, with the packages of one engine.

All of them compute in float32, on the CPU, a network with one float32 input, NHWC of batch size 1.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]


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
