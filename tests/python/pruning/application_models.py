# SPDX-License-Identifier: Apache-2.0
"""Networks of keras.applications, at small sizes, for the tests of channels."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from bench.harness.networks import settle

# Size of the image, options, and the layer that a classifier follows, where the network ends early:
# what comes after it is of the same blocks.
NETWORKS: dict[str, tuple[int, dict[str, Any], str | None]] = {
    "MobileNet": (32, {"alpha": 0.5}, None),
    "MobileNetV2": (32, {"alpha": 0.5}, "block_5_add"),
    "MobileNetV3Small": (32, {}, "expanded_conv_5_add"),
    "ResNet50": (32, {}, "conv3_block3_out"),
    "ResNet50V2": (32, {}, "conv4_block1_preact_relu"),
    "DenseNet121": (32, {}, "conv3_block3_concat"),
    "InceptionV3": (75, {}, None),
    "EfficientNetB0": (32, {}, "block3b_add"),
    "EfficientNetV2B0": (32, {}, "block4b_add"),
    "Xception": (71, {}, "block6_sepconv1_act"),
    "VGG16": (32, {}, None),
}


def network(name: str, dtype: str = "float32") -> keras.Model:
    """The network with random weights, 10 classes, and batch normalisations that fit."""
    size, options, last = NETWORKS[name]
    keras.backend.clear_session()  # some layers are numbered
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy(dtype)
    try:
        make = getattr(keras.applications, name)
        arguments = {"weights": None, "classes": 10, "classifier_activation": None} | options
        model = make(input_shape=(size, size, 3), **arguments)
        if last is not None:
            x = layers.GlobalAveragePooling2D()(model.get_layer(last).output)
            model = keras.Model(model.input, layers.Dense(10, name="predictions")(x), name=name)
    finally:
        keras.config.set_dtype_policy("float32")
    settle(model, seed=0)
    return model
