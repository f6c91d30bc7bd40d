# SPDX-License-Identifier: Apache-2.0
"""Writes what the JVM tests run: model.tflite, input.f32 and output.f32, into the named folder.

The model is converted, of float32 [1, 9, 7, 32] -> [1, 9, 7, 64]; the .f32 files hold its input and
the output of the Python interpreter with the delegate, little-endian float32 in order.
"""

from __future__ import annotations

import sys
from pathlib import Path

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

import ubp


def pruned_model(rng: np.random.Generator) -> bytes:
    """One 3x3 convolution; 80% of its weights are zero, in blocks of four channels."""
    weights = rng.normal(size=(64, 3, 3, 32)) * np.repeat(rng.random((16, 3, 3, 32)) < 0.2, 4, 0)
    data = weights.astype(np.float32).tobytes()
    tensors = [
        schema.TensorT(shape=[1, 9, 7, 32], name="x"),
        schema.TensorT(shape=list(weights.shape), name="w", buffer=1),
        schema.TensorT(shape=[1, 9, 7, 64], name="y"),
    ]
    operator = schema.OperatorT(
        inputs=[0, 1],
        outputs=[2],
        builtinOptions=schema.Conv2DOptionsT(strideW=1, strideH=1),
        builtinOptionsType=schema.BuiltinOptions.Conv2DOptions,
    )
    code = schema.BuiltinOperator.CONV_2D
    model = schema.ModelT(
        version=3,
        operatorCodes=[schema.OperatorCodeT(builtinCode=code, deprecatedBuiltinCode=code)],
        subgraphs=[schema.SubGraphT(tensors, inputs=[0], outputs=[2], operators=[operator])],
        buffers=[schema.BufferT(), schema.BufferT(np.frombuffer(data, np.uint8))],
    )
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def main(folder: Path) -> None:
    """Write the three files."""
    rng = np.random.default_rng(0)
    result = ubp.convert(pruned_model(rng), min_speedup=0)
    interpreter = ubp.Interpreter(result.model)
    interpreter.allocate_tensors()
    values = rng.normal(size=(1, 9, 7, 32)).astype("<f4")
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], values)
    interpreter.invoke()
    output = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.tflite").write_bytes(result.model)
    (folder / "input.f32").write_bytes(values.tobytes())
    (folder / "output.f32").write_bytes(output.astype("<f4").tobytes())


main(Path(sys.argv[1]))
