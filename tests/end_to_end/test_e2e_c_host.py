# SPDX-License-Identifier: Apache-2.0
"""examples/classify_image: a host in C++ on a prebuilt TensorFlow Lite C library."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import ubp

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "classify_image"
CLASSES = 12

pytestmark = pytest.mark.slow  # './run test --fast' does without the C library


@pytest.fixture(scope="module")
def tflite_c() -> Path:
    """The folder with TensorFlow Lite's C headers and library."""
    path = Path(os.environ.get("TFLITE_C", ROOT / ".deps" / "tflite_c"))
    if not (path / "lib" / "libtensorflowlite_c.so").is_file():
        pytest.fail(f"{path} holds no lib/libtensorflowlite_c.so: run './run setup'")
    return path


@pytest.fixture(scope="module")
def program(tflite_c: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("program")
    command = ["make", "-C", folder, "-f", EXAMPLE / "Makefile", f"VPATH={EXAMPLE}"]
    flags = "CXXFLAGS=-O1 -Wall -Wextra -Werror"
    subprocess.run([*command, f"TFLITE_C={tflite_c}", flags], check=True)
    return folder / "classify_image"


@pytest.fixture(scope="module")
def model(keras: Any, randomise: Any, prune: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A converted network of [1, 16, 16, 3] -> [1, 12]."""
    inputs = keras.Input((16, 16, 3), batch_size=1)
    x = keras.layers.Conv2D(64, 3, activation="relu")(inputs)
    x = keras.layers.Conv2D(128, 3, activation="relu")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(CLASSES, activation="softmax")(x)
    dense = randomise(keras.Model(inputs, x))
    result = ubp.convert(prune(dense, ubp.UnalignedBlock(4)))
    assert any(layer.taken for layer in result.report)
    path = tmp_path_factory.mktemp("model") / "model.tflite"
    result.save(path)
    return path


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    path = tmp_path / "labels.txt"
    path.write_text("".join(f"class {i}\n" for i in range(CLASSES)))
    return path


def picture(folder: Path, height: int, width: int) -> tuple[Path, np.ndarray]:
    """A PNG file and its pixels, uint8 [height, width, 3]."""
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    path = folder / f"{height}x{width}.png"
    Image.fromarray(pixels).save(path)
    return path, pixels


def run(*command: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(part) for part in command], capture_output=True, text=True)


@pytest.mark.parametrize(("height", "width"), [(16, 16), (40, 24), (5, 9)])
@pytest.mark.parametrize("options", [[], ["num_threads=2"], ["kernel=portable", "take=all"]])
def test_it_prints_what_the_python_interpreter_finds(
    program: Path, model: Path, labels: Path, height: int, width: int, options: list[str]
) -> None:
    path, pixels = picture(labels.parent, height, width)
    done = run(program, model, ubp.delegate_path(), path, labels, *options)
    assert done.returncode == 0, done.stderr

    interpreter = ubp.Interpreter(model)
    interpreter.allocate_tensors()
    nearest = pixels[np.arange(16) * height // 16][:, np.arange(16) * width // 16]
    values = nearest[None].astype(np.float32) / 127.5 - 1
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], values)
    interpreter.invoke()
    expected = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0]

    printed = [line.split("  ") for line in done.stdout.splitlines()]
    order = np.argsort(-expected)[:5]
    assert [label for _, label in printed] == [f"class {i}" for i in order]
    scores = [float(score) for score, _ in printed]
    np.testing.assert_allclose(scores, expected[order], atol=1e-5)


def test_its_errors_say_what_is_wrong(
    program: Path, model: Path, labels: Path, tmp_path: Path
) -> None:
    path, _ = picture(tmp_path, 16, 16)
    good = [model, ubp.delegate_path(), path, labels]
    text = tmp_path / "text"
    text.write_text("no file of any use")
    cases = [
        ([], "usage:"),
        ([text, *good[1:]], "no TensorFlow Lite model"),
        ([model, text, path, labels], "file too short"),
        ([*good[:2], text, labels], "PNG"),
        ([*good[:3], text], "not as many labels"),
        ([*good, "num_threads"], "'num_threads' is no option"),
        ([*good, "threads=1"], "the delegate has no option 'threads'"),
    ]
    for arguments, message in cases:
        done = run(program, *arguments)
        assert done.returncode == 1, arguments
        assert message in done.stderr
        assert done.stdout == ""
