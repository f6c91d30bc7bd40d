"""The other inference engines: which versions, and how each gets its networks."""

from __future__ import annotations

from dataclasses import dataclass

from bench.peers.environment import install


@dataclass(frozen=True)
class Peer:
    """One engine, set up in one way.

    name: in tables.
    engine: a key of bench.peers.engines.ENGINES.
    requirements: packages, in fixed versions.
    form: of the file it reads, a key of bench.peers.convert.CONVERTERS; None for .tflite.
    how: what it runs and how that was made, for the page.
    aligned: runs a network that is pruned in blocks that start at multiples of their size.
    """

    name: str
    engine: str
    requirements: tuple[str, ...]
    form: str | None
    how: str
    aligned: bool = False


_MNN = ("MNN==3.6.1",)
_ONNX = ("onnxruntime==1.31.1", "onnx==1.23.2", "tf2onnx==1.17.0")
_OPENVINO = ("openvino==2026.4.1",)

PEERS = (
    Peer("MNN", "mnn", _MNN, "mnn", "MNN's own converter from the .tflite file, weights dense"),
    Peer(
        "MNN 4x1",
        "mnn",
        _MNN,
        "mnn_4x1",
        "the same with its options for sparse weights in blocks of 4 output channels; as it has "
        "aligned blocks only, it runs a network with as many blocks that are aligned",
        aligned=True,
    ),
    Peer("ONNX Runtime", "onnxruntime", _ONNX, "onnx", "tf2onnx from the .tflite file"),
    Peer("OpenVINO", "openvino", _OPENVINO, None, "reads the .tflite file; told to use float32"),
)


def install_peers(notes: list[str]) -> list[Peer]:
    """The peers that can be installed; a sentence is noted for each that cannot."""
    installed = []
    for peer in PEERS:
        try:
            install(peer.requirements)
        except RuntimeError as error:
            notes.append(f"{peer.name}: not measured: {error}")
        else:
            installed.append(peer)
    return installed
