# SPDX-License-Identifier: Apache-2.0
"""Other inference engines: everything but the engines themselves, which tests do not install."""

from __future__ import annotations

import io
import json
from contextlib import ExitStack
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from bench.models import engines, peers
from bench.models.memory import NOTHING, measure_memory
from bench.models.peers import PEERS, Contender, Peer
from ubp.tflite.single_operator import single_convolution

PEER = Peer("Other", "other", ("other==1.0",), None, "how")
CONVERTED = Peer("Converted", "other", ("other==1.0",), "form", "how")
ALIGNED = Peer("Aligned", "other", ("other==1.0",), None, "how", aligned=True)


def one_layer(channels: int) -> bytes:
    """A .tflite file of a 1x1 convolution on 4x4 pixels, with as many channels in as out."""
    kernel = np.random.default_rng(0).standard_normal((channels, 1, 1, channels), np.float32)
    return single_convolution(kernel, 4, 4, 1, False)


def test_every_peer_is_pinned_and_known() -> None:
    for peer in PEERS:
        assert all(len(each.split("==")) == 2 for each in peer.requirements)
        assert peer.form is None or peer.form in engines.CONVERTERS
        assert peer.engine in engines.ENGINES
    assert len({peer.name for peer in PEERS}) == len(PEERS)


def test_installed_is_exactly_the_version(tmp_path: Path) -> None:
    info = tmp_path / "some_thing-1.5.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: some-thing\nVersion: 1.5\n")
    assert engines.is_installed("some-thing==1.5", tmp_path)
    assert not engines.is_installed("some-thing==1.6", tmp_path)
    assert not engines.is_installed("other==1.5", tmp_path)


def test_a_peer_that_cannot_be_installed_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    def install_stub(requirements: tuple[str, ...]) -> None:
        if requirements[0].startswith("MNN"):
            raise RuntimeError("installing MNN failed: no matching distribution")

    monkeypatch.setattr(peers, "install", install_stub)
    notes: list[str] = []
    assert [peer.name for peer in peers.install_peers(notes)] == ["ONNX Runtime", "OpenVINO"]
    assert notes[0] == "MNN: not measured: installing MNN failed: no matching distribution"
    assert len(notes) == 2


def test_failing_programs_are_reported_by_their_last_line() -> None:
    engines.run(["true"], "doing nothing")
    with pytest.raises(RuntimeError, match=r"^it failed: two$"):
        engines.run(["sh", "-c", "echo one; echo two >&2; exit 1"], "it")


def test_compression_parameters_of_mnn() -> None:
    """The message as protocol buffers' own compiler would write it, field by field."""
    prune = bytes([1 << 3, 1, 3 << 3 | 2, 2, 4 << 3, 4])  # type, simd_oc_pruner_params.oc_blocks
    algorithm = bytes([1 << 3, 1, 3 << 3 | 2, len(prune)]) + prune  # type, prune_params
    version = bytes([1 << 3 | 2, 5]) + b"0.0.0"
    expected = version + bytes([2 << 3 | 2, len(algorithm)]) + algorithm
    assert expected == engines._COMPRESSION


def test_networks_are_converted_and_failures_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def convert_stub(form: str, source: Path, target: Path) -> None:
        raise RuntimeError("converting it failed: an operator is not known")

    monkeypatch.setattr(peers, "_convert", convert_stub)
    notes: list[str] = []
    files = {True: b"aligned", False: b"plain"}
    made = peers.convert([PEER, CONVERTED, ALIGNED], files.__getitem__, tmp_path, "A at 80%", notes)
    assert [(each.peer.name, each.model.read_bytes()) for each in made] == [
        ("Other", b"plain"),
        ("Aligned", b"aligned"),
    ]
    assert notes == [
        "Converted: A at 80% not measured: converting it failed: an operator is not known"
    ]


class FakeWorker:
    """Answers with XNNPACK's result times a factor; a factor of None fails."""

    factors: ClassVar[dict[str, float | None]] = {}

    def __init__(self, name: str, engine: str, model: Path, threads: int) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self.factor = self.factors[name]
        self.interpreter = Interpreter(model_path=str(model), num_threads=threads)
        self.interpreter.allocate_tensors()

    def run(self, values: np.ndarray) -> np.ndarray:
        if self.factor is None:
            raise RuntimeError("Failing ended with status 1: why")
        (image,) = self.interpreter.get_input_details()
        (result,) = self.interpreter.get_output_details()
        self.interpreter.set_tensor(image["index"], values)
        self.interpreter.invoke()
        return self.factor * self.interpreter.get_tensor(result["index"]).ravel()

    def __enter__(self) -> FakeWorker:
        return self

    def __exit__(self, *arguments: object) -> None: ...


def test_results_are_compared_before_anything_is_timed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tmp_path / "model.tflite"
    model.write_bytes(one_layer(8))
    factors = {"Same": 1.0, "Near": 1.005, "Wrong": 2.0, "NaN": np.nan, "Failing": None}
    monkeypatch.setattr(FakeWorker, "factors", factors)
    monkeypatch.setattr(peers, "Worker", FakeWorker)
    rivals = [Contender(Peer(name, "", (), None, ""), model, model) for name in factors]
    notes: list[str] = []
    with ExitStack() as stack:
        running = peers.start(rivals, 1, "A", notes, stack)
    assert list(running) == ["Same", "Near"]
    assert running["Same"].relative_error == 0
    assert [note.partition(":")[0] for note in notes] == ["Near", "Wrong", "NaN", "Failing"]
    assert "A measured: its results differ from XNNPACK's by 0.00" in notes[0]
    assert "A not measured: its results differ" in notes[1]
    assert notes[3] == "Failing: A not measured: Failing ended with status 1: why"


class FakeEngine:
    def set_input(self, values: np.ndarray) -> None:
        self.values = values

    def infer(self) -> None: ...

    def output(self) -> np.ndarray:
        return self.values + 1


def test_worker_answers_requests(tmp_path: Path) -> None:
    files = {name: str(tmp_path / f"{name}.npy") for name in ("input", "output")}
    np.save(files["input"], np.arange(3, dtype=np.float32))
    requests = io.StringIO(json.dumps({"run": files}) + "\n" + json.dumps({"time": 4}) + "\n")
    answers = io.StringIO()
    engines.serve(FakeEngine(), requests, answers)
    first, second = map(json.loads, answers.getvalue().splitlines())
    assert first == {}
    np.testing.assert_array_equal(np.load(files["output"]), [1, 2, 3])
    assert len(second["ms"]) == 4


def test_memory_of_a_network_is_that_of_its_weights_at_least(tmp_path: Path) -> None:
    model = tmp_path / "model.tflite"
    model.write_bytes(one_layer(1024))  # 4 MiB of weights
    memory = measure_memory(model, 1, NOTHING)
    assert 4 * 2**20 <= memory.steady <= memory.peak < 64 * 2**20


def test_memory_of_what_is_no_network(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="measuring memory failed: "):
        measure_memory(tmp_path / "none.tflite", 1, NOTHING)
