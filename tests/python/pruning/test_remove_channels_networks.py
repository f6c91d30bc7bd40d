# SPDX-License-Identifier: Apache-2.0
"""Removed channels of whole networks of keras.applications, at small sizes."""

from __future__ import annotations

from typing import Any

import keras
import pytest
from removal_models import assert_equal_to_zeroed, removed_from

import ubp
from bench.harness.networks import settle

pytestmark = pytest.mark.slow

# Function, size of the image, options, and what 25% less leaves of some groups.
NETWORKS: dict[str, tuple[int, dict[str, Any], dict[str, int]]] = {
    "MobileNet": (32, {"alpha": 0.5}, {"conv_pw_3": 48, "conv_pw_13": 384}),
    "MobileNetV2": (32, {"alpha": 0.5}, {"block_1_project": 12, "block_2_expand": 72}),
    "MobileNetV3Small": (32, {}, {"expanded_conv_3_expand": 72, "expanded_conv_3_project": 30}),
    "ResNet50": (32, {}, {"conv5_block1_0_conv": 1536, "conv5_block1_1_conv": 384}),
    "ResNet50V2": (32, {}, {"conv5_block1_0_conv": 1536, "conv5_block1_1_conv": 384}),
    "DenseNet121": (32, {}, {"conv2_block1_1_conv": 96, "conv2_block1_2_conv": 24}),
    "InceptionV3": (75, {}, {"conv2d_5": 48}),
    "EfficientNetB0": (32, {}, {"block2a_expand_conv": 72, "block6b_se_reduce": 36}),
    "EfficientNetV2B0": (32, {}, {"block2a_expand_conv": 48}),
    "Xception": (71, {}, {"block1_conv2": 48, "block14_sepconv2": 1536}),
    "VGG16": (32, {}, {"block5_conv3": 384, "fc1": 3072}),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_network_with_fewer_channels(name: str) -> None:
    size, options, widths = NETWORKS[name]
    keras.backend.clear_session()  # some layers are numbered
    keras.utils.set_random_seed(0)
    make = getattr(keras.applications, name)
    arguments = {"weights": None, "classes": 10, "classifier_activation": None}
    model = make(input_shape=(size, size, 3), **arguments, **options)
    settle(model, seed=0)
    result = ubp.remove_channels(model, 0.25)
    assert_equal_to_zeroed(model, result)
    for layer, width in widths.items():
        assert len(removed_from(result.report, layer).kept) == width, layer
        assert result.model.get_layer(layer).output.shape[-1] == width
    for each in result.report.groups:
        for reason in each.group.obstacles:
            assert reason.startswith("the model's output"), reason
