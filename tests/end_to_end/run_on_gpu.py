# SPDX-License-Identifier: Apache-2.0
"""A process of its own for OpenCL: it must not have TensorFlow in it, which PoCL crashes beside.

usage: run_on_gpu.py JOBS.json

JOBS.json is a list of jobs, one for each interpreter:

    {"model": PATH.tflite, "inputs": PATH.npz, "outputs": PATH.npz, "options": {...}}

The inputs, one array for each run, arr_0 and on, go into the model's only input, which is resized
to each; the outputs are those of its first output, under the same names. What the delegate logs is
on standard error.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

import ubp


def run(job: dict[str, Any]) -> None:
    """One interpreter, from its model to its end."""
    interpreter = ubp.Interpreter(job["model"], backend="gpu", **job["options"])
    inputs, outputs = np.load(job["inputs"]), {}
    (place,) = (detail["index"] for detail in interpreter.get_input_details())
    for name, value in inputs.items():
        interpreter.resize_tensor_input(place, value.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(place, value)
        interpreter.invoke()
        outputs[name] = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    np.savez(job["outputs"], **outputs)


if __name__ == "__main__":
    for each in json.loads(Path(sys.argv[1]).read_text()):
        run(each)
    assert "tensorflow" not in sys.modules
