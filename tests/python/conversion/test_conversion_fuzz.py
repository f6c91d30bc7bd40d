# SPDX-License-Identifier: Apache-2.0
"""Any bytes as input end in a clear error or in the layers that were written: never in others.

Bytes are flipped or overwritten, pieces cut out, moved or repeated. What
is read of a mutated converted model must be one of its layers, whole, or an error: its layers carry
checksums. A dense model's weights carry none, so for those only crashes, hangs and other exceptions
than the documented ones are failures.
"""

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from single_models import sparse_weights
from sparse_encoder import sparse_encoding
from transposed_models import add_transposed

from fuzz.builder import ModelBuilder
from ubp.conversion import convert
from ubp.conversion.find import find_layers
from ubp.conversion.unpacking import unpack
from ubp.tflite import flatbuffer


def dense_model() -> bytes:
    """Two convolutions, one with sparsely encoded weights, a transposed one, and a dense layer."""
    rng = np.random.default_rng(0)
    model = ModelBuilder()
    graph = model.subgraph()
    x = image = graph.input([1, 6, 6, 8])
    w = graph.constant(sparse_weights(rng, (16, 3, 3, 8)), "first/w")
    x = graph.conv(x, w, graph.constant(np.ones(16, np.float32), "first/b"))
    weights = sparse_weights(rng, (24, 1, 1, 16))
    sparsity, values = sparse_encoding(weights, range(4), {}, [False, False, False, True])
    w = graph.constant(values, "second/w")
    graph.graph.tensors[w].shape, graph.graph.tensors[w].sparsity = list(weights.shape), sparsity
    x = graph.conv(x, w, graph.constant(np.zeros(24, np.float32), "second/b"))
    w = graph.constant(sparse_weights(rng, (24, 3, 2, 24)), "up/w")
    b = graph.constant(np.ones(24, np.float32), "up/b")
    shape = [1, 12, 12, 24]
    given = graph.constant(np.array(shape, np.int32), "up/shape")
    x = add_transposed(graph, x, given, w, shape, bias=b, strides=(2, 2))
    w = graph.constant(sparse_weights(rng, (12, 24)), "third/w")
    x = graph.fully_connected(x, w, keep_num_dims=True)
    graph.output(x)
    model.signature("serve", {"image": image}, {"scores": x})
    model.metadata("notes", b"nothing")
    return model.build()


DENSE = dense_model()
CONVERTED = convert(DENSE, min_speedup=0).model


def packed_layers(data: bytes) -> set[tuple[object, bytes]]:
    """The layers of ours in a file, by attributes and weights."""
    layers = find_layers(flatbuffer.parse(data, "model"))
    return {
        (layer.packed.attributes, layer.packed.weights().tobytes())
        for layer in layers
        if layer.packed is not None
    }


WRITTEN = packed_layers(CONVERTED)


# Those that leave all else in its place come more often: they get past the first checks.
KINDS = ["flip"] * 3 + ["number"] * 3 + ["copy"] * 2 + ["cut", "truncate", "move"]


@st.composite
def mutated(draw: st.DrawFn, original: bytes) -> bytes:
    """A file that went wrong in one to four places."""
    data = bytearray(original)
    for _ in range(draw(st.integers(1, 4))):
        begin = draw(st.integers(0, max(len(data) - 1, 0)))
        length = draw(st.sampled_from([1, 2, 4, 8, 64, 500]))
        piece = bytes(data[begin : begin + length])
        to = draw(st.integers(0, max(len(data) - 1, 0)))
        match draw(st.sampled_from(KINDS)):
            case "flip" if piece:
                data[begin] ^= 1 << draw(st.integers(0, 7))
            case "number":
                number = draw(st.sampled_from([0, 1, 0x7F, 0xFF, 0x7FFFFFFF, 0xFFFFFFFF]))
                data[begin : begin + 4] = number.to_bytes(4, "little")
            case "cut":
                del data[begin : begin + length]
            case "truncate":
                del data[begin:]
            case "move":
                del data[begin : begin + length]
                data[to:to] = piece
            case "copy":
                data[to : to + len(piece)] = piece
    return bytes(data)


FUZZ = settings(
    max_examples=2500,
    deadline=timedelta(seconds=20),
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.slow
@given(data=mutated(CONVERTED))
@FUZZ
def test_a_damaged_converted_model_is_an_error_or_undamaged(data: bytes) -> None:
    try:
        layers = packed_layers(data)
        unpack(data)
    except ValueError as error:
        assert str(error).endswith(".")  # noqa: PT017
        return
    assert layers <= WRITTEN


@pytest.mark.slow
@given(data=mutated(DENSE))
@FUZZ
def test_a_damaged_dense_model_is_an_error_or_converts(data: bytes) -> None:
    try:
        convert(data, min_speedup=0)
    except ValueError as error:
        assert str(error).endswith(".")  # noqa: PT017
