# SPDX-License-Identifier: Apache-2.0
"""What the code of a page takes for granted: names, and files in the working directory.

Keras is imported for the pages that need it only.
"""

from __future__ import annotations

import types
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

import ubp
from ubp.costs import DEFAULT_COSTS
from ubp.lanes import to_lanes

if TYPE_CHECKING:
    import keras

SIZE = 8


def names_of(page: str) -> dict[str, Any]:
    """The names that the blocks of a page use without making them."""
    return _SURROUNDINGS.get(page, dict)()


def network() -> keras.Model:
    """With layers of the names that the pages use."""
    import keras

    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 3)),
            keras.layers.Conv2D(16, 3, activation="relu", name="conv_1"),
            keras.layers.Conv2D(104, 1, name="block_3_expand"),
            keras.layers.BatchNormalization(),
            keras.layers.ReLU(),
            keras.layers.Conv2D(32, 1, activation="relu", name="conv_2"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(32, activation="relu", name="hidden"),
            keras.layers.Dense(10, activation="softmax", name="classes"),
        ]
    )


def _training() -> dict[str, Any]:
    import keras

    rng = np.random.default_rng(0)
    x = rng.random(size=(80, SIZE, SIZE, 3)).astype("float32")
    return {
        "ubp": ubp,
        "keras": keras,
        "model": network(),
        "schedule": ubp.PolynomialDecay(0.0, 0.8, begin_step=0, end_step=2, frequency=1),
        "x": x,
        "y": rng.integers(0, 10, size=80),
        "pictures": x,
    }


def _pruning() -> dict[str, Any]:
    names = _training()
    kernels = {name: names["model"].get_layer(name).kernel for name in ("conv_2", "hidden")}
    found = {
        name: ubp.select_blocks(np.abs(to_lanes(np.asarray(kernel), -1)), 4, sparsity=0.8)
        for name, kernel in kernels.items()
    }
    return names | {
        "self": types.SimpleNamespace(),
        "mask": found["conv_2"].mask(),
        "selection": found["hidden"],
    }


def _without_training() -> dict[str, Any]:
    names = _training()
    Path("pictures").mkdir()
    for index, picture in enumerate(names["x"]):
        Image.fromarray((picture * 255).astype("uint8")).save(f"pictures/{index}.png")
    names["model"].save("model.keras")
    Path("model.tflite").write_bytes(ubp.convert(names["model"]).dense)
    rng = np.random.default_rng(0)
    lanes, channels = 24, 8
    weights = rng.normal(size=(lanes, channels))
    inputs = [rng.normal(size=(50, lanes)) for _ in range(3)]
    return names | {
        "lanes": lanes,
        "channels": channels,
        "weights": weights,
        "samples": [(each, each @ weights) for each in inputs],
    }


def _pruned_file() -> dict[str, Any]:
    pruned = ubp.strip(ubp.prune(network(), ubp.ConstantSparsity(0.8)))
    result = ubp.convert(pruned)
    Path("pruned.tflite").write_bytes(result.dense)
    Path("model.tflite").write_bytes(result.model)
    return {"ubp": ubp}


def _delegate() -> dict[str, Any]:
    import tensorflow as tf

    return {**_pruned_file(), "tf": tf}


def _int8() -> dict[str, Any]:
    names = _training()
    pattern = ubp.UnalignedBlock(2, lanes=4)
    return names | {"pruned": ubp.prune(names["model"], ubp.ConstantSparsity(0.5), pattern)}


def _mapping() -> dict[str, Any]:
    # 4 ms are little for this model with multiply-adds as slow as that.
    ubp.LatencyModel(costs=DEFAULT_COSTS, multiply_add_us=3e-2).save("latency.json")
    return _training()


def _selection() -> dict[str, Any]:
    kernel = np.random.default_rng(0).standard_normal((3, 3, 8, 32))
    return {"np": np, "ubp": ubp, "kernel": kernel}


def _costs() -> dict[str, Any]:
    Path("costs.json").write_text(DEFAULT_COSTS.to_json())
    return {}


def _pytorch() -> dict[str, Any]:
    import torch

    convolutions = [torch.nn.Conv2d(3, 16, 3), torch.nn.Conv2d(16, 16, 3)]
    pooled = [torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(16, 10)]
    model = torch.nn.Sequential(*convolutions, *pooled)
    return {
        "model": model,
        "batches": [(torch.randn(2, 3, SIZE, SIZE), torch.tensor([1, 2]))] * 2,
        "criterion": torch.nn.CrossEntropyLoss(),
        "optimizer": torch.optim.SGD(model.parameters()),
    }


_SURROUNDINGS = {
    "docs/choosing.md": _costs,
    "docs/converter.md": _pruned_file,
    "docs/delegate.md": _delegate,
    "docs/int8.md": _int8,
    "docs/mapping.md": _mapping,
    "docs/no-training.md": _without_training,
    "docs/pruning.md": _pruning,
    "docs/pytorch.md": _pytorch,
    "docs/runtimes.md": _pruned_file,
    "docs/selection.md": _selection,
}
