"""Keeps the .tflite files that build.py made: making them takes longer than measuring them.

A file is made again where network, sparsity, versions or the code that made it have changed.
Conversion is not kept: it takes less than a second.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import bench
import demo
import ubp
from bench.harness.cache import code_and_versions, load_or_make
from bench.networks.zoo import BLOCK_SIZE, SEED, Network


def load_or_build(network: Network, sparsity: int, folder: Path, aligned: bool = False) -> bytes:
    """The .tflite file of `bench.networks.build.build`, made if it is not in the folder."""

    def make() -> bytes:
        from bench.networks.build import build  # loads TensorFlow, which takes seconds

        return build(network, sparsity, aligned)

    stem = f"{network.name}_{sparsity}{'_aligned' if aligned else ''}"
    return load_or_make(folder, stem, made_from(network, sparsity), make).read_bytes()


def made_from(network: Network, sparsity: int) -> dict[str, Any]:
    """All that a file of the cache depends on."""
    return {
        "network": asdict(network),
        "sparsity": sparsity,
        "block_size": BLOCK_SIZE,
        "seed": SEED,
    } | code_and_versions(_sources())


def _sources() -> list[Path]:
    """The code that random weights, masks and the ordinary .tflite file come from."""
    bench_root, demo_root, ubp_root = (Path(package.__path__[0]) for package in (bench, demo, ubp))
    return [
        bench_root / "networks" / "build.py",
        demo_root / "mobilenet.py",
        ubp_root / "lanes.py",
        ubp_root / "conversion" / "load" / "loader.py",
        *sorted((ubp_root / "pruning").glob("*.py")),
        *sorted((ubp_root / "selection").glob("*.py")),
    ]
