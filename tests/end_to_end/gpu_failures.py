# SPDX-License-Identifier: Apache-2.0
"""A process that meets a GPU which fails, and goes on with the CPU.

usage: gpu_failures.py MODEL.tflite FAILURE [NAME=VALUE]...

The environment names the fake OpenCL library and what it does from the start. FAILURE is what it
does when the first interpreter is about to run: "CALL,CODE", of the calls from then on the one that
fails, and how; or "hang". Or it is "load": the first interpreter cannot be made or allocated.
NAME=VALUE are options of the delegate's.
"""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Any

import numpy as np

import ubp


def ready(model: str, **options: str) -> Any:
    """An interpreter with ones as its input."""
    interpreter = ubp.Interpreter(model, **options)
    interpreter.allocate_tensors()
    for detail in interpreter.get_input_details():
        interpreter.set_tensor(detail["index"], np.ones(detail["shape"], np.float32))
    return interpreter


def output_of(interpreter: Any) -> np.ndarray:
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def main() -> None:
    model, failure, *pairs = sys.argv[1:]
    options = dict(pair.split("=", 1) for pair in pairs)
    expected = output_of(ready(model, backend="cpu"))
    try:
        interpreter = ready(model, backend="gpu", **options)
        if failure == "load":
            sys.exit("the GPU was taken")
        interpreter.invoke()  # it is well
        fake = ctypes.CDLL(os.environ["UBP_OPENCL_LIBRARY"])
        if failure == "hang":
            fake.fake_opencl_get(b"hang")
        else:
            call, code = failure.split(",")
            fake.fake_opencl_fail(ctypes.c_int64(int(call)), ctypes.c_int32(int(code)))
        interpreter.invoke()
        sys.exit("the run did not fail")
    except (ValueError, RuntimeError) as error:
        print(type(error).__name__, *str(error).split())
    for backend in ("cpu", "auto"):
        assert np.array_equal(output_of(ready(model, backend=backend)), expected)
    print("the CPU goes on")


if __name__ == "__main__":
    main()
