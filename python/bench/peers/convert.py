"""Converts a .tflite file for an engine: `python -m bench.peers.convert FORM FROM TO`.

Runs in the engines' environment, with TensorFlow in reach for tf2onnx. The forms:

onnx      by tf2onnx
mnn       by MNN's converter
mnn_4x1   likewise, with sparse weights: blocks of 4 output channels that start at multiples of 4
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

_ONNX_OPSET = 18

# MNN's compression parameters (a protocol buffer): one algorithm, PRUNE of type SIMD_OC, whose
# blocks have 4 output channels. Each field is its number and wire type, its value or length, ...
_BLOCKS_OF_4 = b"\x20\x04"
_SIMD_OC = b"\x08\x01\x1a" + bytes([len(_BLOCKS_OF_4)]) + _BLOCKS_OF_4
_PRUNE = b"\x08\x01\x1a" + bytes([len(_SIMD_OC)]) + _SIMD_OC
_COMPRESSION = b"\x0a\x050.0.0\x12" + bytes([len(_PRUNE)]) + _PRUNE


def to_onnx(source: Path, target: Path) -> None:
    """Convert with tf2onnx."""
    import tf2onnx

    tf2onnx.convert.from_tflite(str(source), opset=_ONNX_OPSET, output_path=str(target))


def to_mnn(source: Path, target: Path, options: tuple[str, ...] = ()) -> None:
    """Convert with MNN's converter.

    Its extension module is called directly: the command `mnnconvert` also installs a package and
    reports its use to MNN's authors.
    """
    import _tools

    files = ("--modelFile", str(source), "--MNNModel", str(target))
    _tools.mnnconvert(["mnnconvert", "-f", "TFLITE", *files, "--bizCode", "bench", *options])


def to_mnn_4x1(source: Path, target: Path) -> None:
    """Convert with MNN's converter, which makes layers with enough zeros sparse."""
    with tempfile.TemporaryDirectory() as folder:
        parameters = Path(folder) / "compression.bin"
        parameters.write_bytes(_COMPRESSION)
        to_mnn(
            source, target, ("--detectSparseSpeedUp", "--compressionParamsFile", str(parameters))
        )


CONVERTERS = {"onnx": to_onnx, "mnn": to_mnn, "mnn_4x1": to_mnn_4x1}


def main() -> None:
    """Convert as the command line says."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    form, source, target = sys.argv[1:]
    CONVERTERS[form](Path(source), Path(target))


if __name__ == "__main__":
    main()
