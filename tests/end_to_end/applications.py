# SPDX-License-Identifier: Apache-2.0
"""Networks of keras.applications with random weights, 80% zeros in blocks, as .tflite files.

One network of each family: larger ones are made by the same code from more of the same blocks, so
that they are the same graph for the delegate and only take longer to build. InceptionResNetV2 would
take a minute: it consists of InceptionV3's operators and sums. The same networks in their usual
sizes are timed by `./run bench applications`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bench.applications.networks import random_model, uniform_sparsities
from ubp.conversion.load.keras_converter import KerasConverter
from ubp.conversion.load.loader import convert_keras

CLASSES = 100


@dataclass(frozen=True)
class Application:
    """What to make of a function of keras.applications.

    size: height and width of the input: few pixels save time, as long as some are left at the end.
    open_batch: the batch is open in the file, as TensorFlow's converter leaves it by itself;
        otherwise it is 1, as `ubp.convert` has it made. It must be open where there are Reshape
        layers, whose shape is constant otherwise, if the batch is to be resized.
    """

    size: int = 96
    open_batch: bool = False


APPLICATIONS = {
    "MobileNet": Application(open_batch=True),
    "MobileNetV2": Application(),
    "MobileNetV3Small": Application(open_batch=True),
    "EfficientNetB0": Application(open_batch=True),
    "EfficientNetV2B0": Application(),
    "ResNet50": Application(),
    "ResNet50V2": Application(),
    "DenseNet121": Application(),
    "VGG16": Application(64, open_batch=True),
    "InceptionV3": Application(128),
    "NASNetMobile": Application(),
    "Xception": Application(),
    "ConvNeXtTiny": Application(),
}


def build(name: str) -> bytes:
    """The .tflite file of a network for `random_images`, whose output depends on all weights."""
    model = random_model(name, APPLICATIONS[name].size, CLASSES, uniform_sparsities())
    return with_open_batch(model) if APPLICATIONS[name].open_batch else convert_keras(model)


def with_open_batch(model: Any) -> bytes:
    """The .tflite file with an open batch, as TensorFlow's converter leaves it by itself."""
    return KerasConverter(model, model.name).convert()
