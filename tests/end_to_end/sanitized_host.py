# SPDX-License-Identifier: Apache-2.0
"""A program that is run with the sanitizers' runtime preloaded: what a host does to a model.

usage: sanitized_host.py MODEL.tflite STANDARD.tflite [KEY=VALUE...]

Both files hold the same network of [batch, height, width, 3]; STANDARD.tflite has no custom
operators. The first runs through the delegate with these options, at several shapes and numbers of
threads, in interpreters and in LiteRT's CompiledModel, the second in the plain interpreter; ends
with status 1 and a sentence where they differ.
What a sanitizer finds ends the process by itself.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import numpy as np
from ai_edge_litert.environment import Environment
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from compiled_models import infer

import ubp
from ubp.runtime.environment import LIBRARY

SHAPES = [(1, 32, 32, 3), (2, 32, 32, 3), (1, 45, 38, 3), (3, 33, 64, 3), (1, 32, 32, 3)]
TOLERANCE = 1e-4  # of the output's range


def outputs_of(interpreter: Interpreter, x: np.ndarray) -> list[np.ndarray]:
    detail = interpreter.get_input_details()[0]
    if tuple(detail["shape"]) != x.shape:
        interpreter.resize_tensor_input(detail["index"], x.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(detail["index"], x)
    interpreter.invoke()
    return [interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()]


def compiled_model(model: str, options: dict[str, str]) -> ubp.CompiledModel:
    """Without LiteRT's plugins for NPUs, which it opens in a way that sanitizers refuse."""
    os.environ["UBP_DELEGATE_OPTIONS"] = ";".join(":".join(option) for option in options.items())
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, LIBRARY).symlink_to(ubp.delegate_path())
        environment = Environment.create(
            runtime_path=folder, compiler_plugin_path=folder, dispatch_library_path=folder
        )
        return ubp.CompiledModel(model, 2, environment=environment)


def main() -> None:
    model, standard, *arguments = sys.argv[1:]
    options = dict(argument.split("=", 1) for argument in arguments)
    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    expected = Interpreter(standard, experimental_op_resolver_type=plain)
    interpreters = [ubp.Interpreter(model, num_threads=n, **options) for n in (1, 3)]
    compiled = compiled_model(model, options)
    rng = np.random.default_rng(0)
    for shape in SHAPES:
        x = rng.normal(size=shape).astype(np.float32)
        wanted = outputs_of(expected, x)
        results = [outputs_of(interpreter, x) for interpreter in interpreters]
        for result in [*results, infer(compiled, x)]:
            for found, want in zip(result, wanted, strict=True):
                error = np.abs(found - want).max() / np.ptp(want)
                if not error <= TOLERANCE:
                    sys.exit(f"{shape}: differs from the plain interpreter by {error:.2g}")


if __name__ == "__main__":
    main()
