# SPDX-License-Identifier: Apache-2.0
"""A program for the Python of another machine: runs a model once for each number of threads.

usage: invoke.py MODEL.tflite INPUT.npy OUTPUTS.npy REPORT.json THREADS...

OUTPUTS.npy is [runs, *shape of the first output]; REPORT.json is the delegate's, of the first run.
"""

from __future__ import annotations

import sys

import numpy as np

import ubp


def invoke(model: str, x: np.ndarray, threads: int, **options: str) -> np.ndarray:
    interpreter = ubp.Interpreter(model, num_threads=threads, **options)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def main() -> None:
    model, input_path, output_path, report = sys.argv[1:5]
    counts = [int(argument) for argument in sys.argv[5:]]
    x = np.load(input_path)
    outputs = [invoke(model, x, counts[0], report=report)]
    outputs += [invoke(model, x, threads) for threads in counts[1:]]
    np.save(output_path, np.stack(outputs))


if __name__ == "__main__":
    main()
