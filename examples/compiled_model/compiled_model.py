# SPDX-License-Identifier: Apache-2.0
"""Runs a model through LiteRT's CompiledModel, in the UBP delegate: numbers in, numbers out.

python compiled_model.py MODEL.tflite INPUT.npy OUTPUT.npy
"""

import sys
from time import perf_counter

import numpy as np

import ubp


def main(model_path: str, input_path: str, output_path: str) -> None:
    """Run it once, save its first output, and print what the delegate has taken and the time."""
    model = ubp.CompiledModel(model_path, num_threads=2)
    print(f"UBP runs {model.nodes_taken} of {model.nodes} nodes")

    # From here on everything is LiteRT's own.
    inputs, outputs = model.create_input_buffers(0), model.create_output_buffers(0)
    inputs[0].write(np.load(input_path))
    start = perf_counter()
    model.run_by_index(0, inputs, outputs)
    print(f"{1e3 * (perf_counter() - start):.2f} ms")

    signature = next(iter(model.get_signature_list()))
    (detail, *_) = model.get_output_tensor_details(signature).values()
    shape = tuple(detail["shape"])
    np.save(output_path, outputs[0].read(int(np.prod(shape)), np.float32).reshape(shape))


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
