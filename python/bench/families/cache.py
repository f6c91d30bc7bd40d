"""Keeps the .tflite files of pruned networks: building NASNet takes a minute, VGG16 has 528 MB.

A file is made again where network, pruning, versions or the code that made it have changed.
"""

from __future__ import annotations

from pathlib import Path

import bench
import ubp
from bench.families.zoo import BLOCK_SIZE, PRUNINGS, SEED, Application
from bench.harness.cache import code_and_versions, load_or_make

_CLASSES = 1000


def pruned_network(application: Application, pruning: str, folder: Path) -> Path:
    """The ordinary .tflite file of a network, with zeros; made if it is not in the folder."""

    def make() -> bytes:
        from bench.families.build import random_model  # loads TensorFlow, which takes seconds
        from ubp.conversion.load.loader import convert_keras

        sparsities = PRUNINGS[pruning]()
        return convert_keras(
            random_model(application.function, application.size, _CLASSES, sparsities)
        )

    origin = {
        "function": application.function,
        "size": application.size,
        "classes": _CLASSES,
        "pruning": pruning,
        "block_size": BLOCK_SIZE,
        "seed": SEED,
    } | code_and_versions(_sources())
    stem = f"{application.name}_{pruning.removesuffix('%')}"
    return load_or_make(folder, stem, origin, make)


def _sources() -> list[Path]:
    bench_root, ubp_root = (Path(package.__path__[0]) for package in (bench, ubp))
    return [
        *(bench_root / "families" / name for name in ("build.py", "images.py", "zoo.py")),
        ubp_root / "conversion" / "load" / "loader.py",
    ]
