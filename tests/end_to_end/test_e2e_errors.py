# SPDX-License-Identifier: Apache-2.0
"""What goes wrong ends in one clear sentence, through every way in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ubp
from ubp.tflite import flatbuffer


@pytest.fixture(scope="module")
def result(keras: Any) -> ubp.ConversionResult:
    inputs = keras.Input((8, 8, 16))
    model = keras.Model(inputs, keras.layers.Conv2D(32, 3)(inputs))
    rng = np.random.default_rng(0)
    model.layers[1].kernel.assign(rng.normal(size=(3, 3, 16, 32)) * (rng.random(32) < 0.3))
    model.layers[1].bias.assign(rng.normal(size=32))
    return ubp.convert(model, min_speedup=0)


def open_and_allocate(model: bytes) -> None:
    ubp.Interpreter(model).allocate_tensors()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threads": 2}, "no option 'threads'"),
        ({"num_threads": 0}, "'num_threads' is '0'"),
        ({"kernel": "sse9"}, "'kernel' is 'sse9'"),
        ({"log": "loud"}, "'log' is 'loud'"),
        (
            {"sparse_from_dense": False},
            "'sparse_from_dense' is False; expected text such as 'on' or 'off'",
        ),
        ({"report": ""}, "'report' is '', expected the path of a file to write"),
    ],
)
def test_a_wrong_delegate_option(
    result: ubp.ConversionResult, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message) as error:
        ubp.load_delegate(**options)
    assert "\n" not in str(error.value)


def test_a_file_that_is_no_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = tmp_path / "libubp_delegate.so"
    library.write_bytes(b"not a library")
    monkeypatch.setenv("UBP_DELEGATE", str(library))
    with pytest.raises(OSError, match=f"{library}.*cannot be loaded"):
        ubp.load_delegate()


def test_every_flipped_bit_in_a_sample_of_the_packed_weights(result: ubp.ConversionResult) -> None:
    tree = flatbuffer.parse(result.model, "model")
    packed = bytes(tree.buffers[tree.subgraphs[0].tensors[-1].buffer].data)
    begin = result.model.index(packed)
    for position in np.linspace(begin, begin + len(packed) - 1, 25).astype(int):
        damaged = bytearray(result.model)
        damaged[position] ^= 1 << (position % 8)
        with pytest.raises(RuntimeError, match="UbpConv2D"):
            open_and_allocate(bytes(damaged))


@pytest.mark.parametrize("length", [0, 1, 100, -1])
def test_truncated_packed_weights(result: ubp.ConversionResult, length: int) -> None:
    tree = flatbuffer.parse(result.model, "model")
    tensor = tree.subgraphs[0].tensors[-1]
    data = tree.buffers[tensor.buffer].data[:length]
    tree.buffers[tensor.buffer].data = data if data.size else None
    tensor.shape = np.array([data.size], np.int32)
    with pytest.raises(RuntimeError, match="UbpConv2D"):
        open_and_allocate(flatbuffer.serialize(tree))


def test_damaged_attributes_and_bias(result: ubp.ConversionResult) -> None:
    tree = flatbuffer.parse(result.model, "model")
    operator = tree.subgraphs[0].operators[0]
    options = bytearray(bytes(operator.customOptions))
    for cut in (b"", bytes(options[:-5]), b"x" + bytes(options)):
        operator.customOptions = np.frombuffer(cut, np.uint8) if cut else None
        with pytest.raises(RuntimeError, match="UbpConv2D"):
            open_and_allocate(flatbuffer.serialize(tree))
    tree = flatbuffer.parse(result.model, "model")
    bias = tree.subgraphs[0].tensors[tree.subgraphs[0].operators[0].inputs[2]]
    tree.buffers[bias.buffer].data = np.zeros(32 * 4, np.uint8)
    with pytest.raises(RuntimeError, match=r"UbpConv2D.*bias"):
        open_and_allocate(flatbuffer.serialize(tree))
