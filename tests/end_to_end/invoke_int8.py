# SPDX-License-Identifier: Apache-2.0
"""A program for the Python of another machine: an int8 model in the standard interpreter and in the
delegate.

usage: invoke_int8.py ORDINARY.tflite CONVERTED.tflite OUTPUTS.npz REPORT.json

OUTPUTS.npz has the first output for the same random input: `standard`, of the ordinary file, and
those of the delegate, named by file and number of threads. REPORT.json is the delegate's, of the
ordinary file.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter as StandardInterpreter

import ubp


def output_of(interpreter: Any) -> np.ndarray:
    interpreter.allocate_tensors()
    (detail,) = interpreter.get_input_details()
    x = np.random.default_rng(1).integers(-128, 128, detail["shape"], np.int8)
    interpreter.set_tensor(detail["index"], x)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def main() -> None:
    ordinary, converted, outputs, report = sys.argv[1:5]
    found = {"standard": output_of(StandardInterpreter(model_path=ordinary))}
    for name, model, threads, options in (
        ("ordinary_2", ordinary, 2, {"report": report}),
        ("converted_1", converted, 1, {}),
        ("converted_3", converted, 3, {}),
    ):
        found[name] = output_of(ubp.Interpreter(model, threads, take="all", **options))
    np.savez(outputs, **found)


if __name__ == "__main__":
    main()
