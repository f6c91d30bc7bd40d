"""Keeps the .tflite files that build.py made: making them takes longer than measuring them.

Beside each file lies a .json that says what it was made from: network, sparsity, versions, and the
digest of the code that made it. Where that has changed, the file is made again. Conversion is not
kept: it takes less than a second.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import bench
import demo
import ubp
from bench.harness.machine import package_version
from bench.networks.zoo import BLOCK_SIZE, SEED, Network
from demo.quiet import held_back_stderr

_PACKAGES = ("keras", "tensorflow")


def load_or_build(network: Network, sparsity: int, folder: Path, aligned: bool = False) -> bytes:
    """The .tflite file of `bench.networks.build.build`, made if it is not in the folder."""
    stem = f"{network.name}_{sparsity}{'_aligned' if aligned else ''}"
    model, origin = folder / f"{stem}.tflite", folder / f"{stem}.json"
    expected = json.dumps(made_from(network, sparsity), indent=1) + "\n"
    if model.is_file() and origin.is_file() and origin.read_text() == expected:
        return model.read_bytes()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # read when TensorFlow is loaded
    with held_back_stderr():
        from bench.networks.build import build  # loads TensorFlow, which takes seconds

        data = build(network, sparsity, aligned)
    folder.mkdir(parents=True, exist_ok=True)
    origin.unlink(missing_ok=True)  # and written last, so that an interrupted run leaves none
    model.write_bytes(data)
    origin.write_text(expected)
    return data


def made_from(network: Network, sparsity: int) -> dict[str, Any]:
    """All that a file of the cache depends on."""
    return {
        "network": asdict(network),
        "sparsity": sparsity,
        "block_size": BLOCK_SIZE,
        "seed": SEED,
        "versions": {name: package_version(name) for name in _PACKAGES},
        "code": _digest(_sources()),
    }


def _sources() -> list[Path]:
    """The code that random weights, masks and the ordinary .tflite file come from."""
    bench_root, demo_root, ubp_root = (Path(package.__path__[0]) for package in (bench, demo, ubp))
    return [
        bench_root / "networks" / "build.py",
        demo_root / "mobilenet.py",
        ubp_root / "lanes.py",
        ubp_root / "convert" / "load.py",
        *sorted((ubp_root / "pruning").glob("*.py")),
        *sorted((ubp_root / "selection").glob("*.py")),
    ]


def _digest(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()
