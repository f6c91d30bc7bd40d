# SPDX-License-Identifier: Apache-2.0
"""examples/compiled_model: a model through LiteRT's CompiledModel, in Python and in C."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import ai_edge_litert
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from interpreting import interpret

import ubp
from fuzz.builder import ModelBuilder

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "examples" / "compiled_model"
LINES = 60
CLASSES = 64


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with model.tflite, [1, 8, 8, 64] -> [1, 64], input.npy and expected.npy."""
    rng = np.random.default_rng(0)
    model = ModelBuilder()
    graph = model.subgraph()
    kept = np.repeat(rng.random((CLASSES // 4, 8, 8, 64)) < 0.2, 4, 0)
    weights = graph.constant((rng.normal(size=kept.shape) * kept).astype(np.float32), "w")
    bias = graph.constant(rng.normal(size=CLASSES).astype(np.float32), "b")
    x = graph.conv(graph.input([1, 8, 8, 64]), weights, bias, valid=True)
    options = schema.ReshapeOptionsT(newShape=[1, CLASSES])
    kind, code = schema.BuiltinOptions.ReshapeOptions, schema.BuiltinOperator.RESHAPE
    shape = graph.constant(np.array([1, CLASSES], np.int32), "shape")
    graph.output(graph.operator(code, [x, shape], graph.tensor([1, CLASSES], "y"), options, kind))
    folder = tmp_path_factory.mktemp("files")
    ubp.convert(model.build(), min_speedup=0).save(folder / "model.tflite")
    image = rng.normal(size=(1, 8, 8, 64)).astype(np.float32)
    np.save(folder / "input.npy", image)
    (expected,) = interpret(ubp.Interpreter(folder / "model.tflite"), image)
    assert expected.shape == (1, CLASSES)
    np.save(folder / "expected.npy", expected)
    return folder


def test_they_are_short() -> None:
    for name in ("compiled_model.py", "compiled_model.c"):
        assert len((EXAMPLE / name).read_text().splitlines()) < LINES


def test_in_python(files: Path) -> None:
    names = ["model.tflite", "input.npy", "output.npy"]
    done = subprocess.run(
        [sys.executable, EXAMPLE / "compiled_model.py", *(files / name for name in names)],
        env=os.environ | {"PYTHONPATH": str(ROOT / "python")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    # Whether RESHAPE is worth it, the model of costs says, of this processor.
    assert re.match(r"UBP runs [12] of 2 nodes\n", done.stdout)
    np.testing.assert_array_equal(np.load(files / "output.npy"), np.load(files / "expected.npy"))


@pytest.mark.slow  # needs a C compiler and make
def test_in_c(files: Path, tmp_path: Path) -> None:
    delegate = Path(ubp.delegate_path()).parent
    places = [f"ROOT={ROOT}", f"LITERT={ai_edge_litert.__path__[0]}", f"UBP={delegate}"]
    flags = "CFLAGS=-O1 -Wall -Wextra -Werror"
    command = ["make", "-C", tmp_path, "-f", EXAMPLE / "Makefile", f"VPATH={EXAMPLE}"]
    subprocess.run([*command, *places, flags], check=True)

    def run(options: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [tmp_path / "compiled_model", files / "model.tflite", "8", "8", "64", "64", options],
            input=np.load(files / "input.npy").tobytes(),
            capture_output=True,
            check=False,
        )

    expected = np.load(files / "expected.npy").tobytes()
    for options in ("", "num_threads:2", "take:all;log:info"):
        done = run(options)
        assert done.returncode == 0, done.stderr
        assert done.stdout == expected
        assert re.search(rb"UBP runs [12] of 2 nodes", done.stderr)
    assert b"UBP runs 2 of 2 nodes" in done.stderr  # of the last one, which takes all
    assert b"UBP delegate: INFO: took" in done.stderr
    refused = run("threads:2")
    assert refused.returncode == 1
    assert b"the delegate has no option 'threads'" in refused.stderr
