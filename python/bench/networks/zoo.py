"""The networks of the benchmark, all from keras.applications, and how all of them are pruned."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

BLOCK_SIZE = 4
SEED = 0  # of the random weights


@dataclass(frozen=True)
class Network:
    """One network.

    name: here, in tables and on the command line.
    application: its name in keras.applications.
    size: height and width of the input in pixels; it has 3 channels and batch size 1.
    block: inferences that are timed in one go, fewer for slow networks.
    options: more arguments of the keras.applications function.
    """

    name: str
    application: str
    size: int = 224
    block: int = 10
    options: dict[str, Any] = field(default_factory=dict)


FULL = ("MobileNet", "MobileNetV2", "ResNet50")
QUICK = ("MobileNet-tiny",)
NETWORKS = {
    network.name: network
    for network in (
        Network("MobileNet", "MobileNet"),
        Network("MobileNetV2", "MobileNetV2"),
        Network("ResNet50", "ResNet50", block=3),
        Network("MobileNet-tiny", "MobileNet", size=96, options={"alpha": 0.25}),
    )
}
