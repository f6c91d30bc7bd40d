# SPDX-License-Identifier: Apache-2.0
"""Processes that load a model, run it in several threads, and then fork: servers with workers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ubp

PROGRAM = """
import gc, os, signal, sys, threading
import numpy as np
from ai_edge_litert.interpreter import Interpreter
import ubp

path, profile, how, meanwhile = sys.argv[1:]
delegate = ubp.load_delegate(num_threads=3, take="all", profile=profile)
interpreter, other = [Interpreter(path, experimental_delegates=[delegate]) for _ in range(2)]


place = interpreter.get_input_details()[0]["index"]


def run(batch):
    x = np.random.default_rng(0).normal(size=(batch, 12, 12, 16)).astype(np.float32)
    interpreter.set_tensor(place, x)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def allocate(batch):
    interpreter.resize_tensor_input(place, (batch, 12, 12, 16))
    interpreter.allocate_tensors()


def keep_running():
    while not stop:
        other.invoke()  # on the same threads


allocate(1)
other.allocate_tensors()
expected = run(1)
stop = False
thread = threading.Thread(target=keep_running if meanwhile == "running" else int)
thread.start()
for _ in range(5):
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        assert np.array_equal(run(1), expected)
        if how == "resize":
            allocate(2)
            assert np.allclose(run(2)[:1], expected, atol=1e-4 * np.ptp(expected))
        if how == "delete":
            del interpreter, delegate
            gc.collect()
        if how == "exit":
            sys.exit(0)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status:
        print("the child hangs" if status == -signal.SIGALRM else f"the child ended with {status}")
        os._exit(1)
stop = True
thread.join()
assert np.array_equal(run(1), expected)
"""


@pytest.fixture(scope="module")
def model(
    keras: Any,
    randomise: Callable[[Any], Any],
    prune: Callable[..., Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A network that the delegate takes as a whole."""
    inputs = keras.Input((12, 12, 16))
    x = keras.layers.Conv2D(32, 3, padding="same", activation="relu")(inputs)
    x = keras.layers.Conv2D(32, 3, strides=2, padding="same", activation="relu")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    network = randomise(keras.Model(inputs, keras.layers.Dense(10)(x)))
    path = tmp_path_factory.mktemp("fork") / "model.tflite"
    path.write_bytes(ubp.convert(prune(network, ubp.UnalignedBlock(4)), min_speedup=0).model)
    return path


@pytest.mark.parametrize("meanwhile", ["idle", "running"])
@pytest.mark.parametrize("how", ["run", "resize", "delete", "exit"])
def test_a_child_runs_resizes_deletes_and_leaves(
    model: Path, tmp_path: Path, how: str, meanwhile: str
) -> None:
    profile = tmp_path / "profile.json"
    command = [sys.executable, "-c", PROGRAM, model, profile, how, meanwhile]
    process = subprocess.run(command, capture_output=True, text=True)
    assert process.returncode == 0, process.stdout + process.stderr
    plans = json.loads(profile.read_text())["plans"]
    assert len(plans) == (1 if meanwhile == "idle" else 2)
    assert 2 in [step["runs"] for plan in plans for step in plan["steps"]]
    if how in ("resize", "delete"):  # Python may exit without deleting what it has
        assert "is not written by a forked child" in process.stderr
