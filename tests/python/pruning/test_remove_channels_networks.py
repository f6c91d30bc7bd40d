# SPDX-License-Identifier: Apache-2.0
"""Removed channels of networks of keras.applications, at small sizes.

In float64: in float32, rounding adds up over many layers to what a mistake may be as small as.
"""

from __future__ import annotations

import pytest
from application_models import network
from removal_models import assert_equal_to_zeroed, removed_from

import ubp

pytestmark = pytest.mark.slow

# What 25% less leaves of some groups.
WIDTHS = {
    "MobileNet": {"conv_pw_3": 48, "conv_pw_13": 384},
    "MobileNetV2": {"block_1_project": 12, "block_2_expand": 72},
    "MobileNetV3Small": {"expanded_conv_3_expand": 72, "expanded_conv_3_project": 30},
    "ResNet50": {"conv3_block1_0_conv": 384, "conv3_block1_1_conv": 96},
    "ResNet50V2": {"conv3_block1_0_conv": 384, "conv3_block1_1_conv": 96},
    "DenseNet121": {"conv2_block1_1_conv": 96, "conv2_block1_2_conv": 24},
    "InceptionV3": {"conv2d_5": 48},
    "EfficientNetB0": {"block2a_expand_conv": 72, "block2b_se_reduce": 4},
    "EfficientNetV2B0": {"block2a_expand_conv": 48},
    "Xception": {"block1_conv2": 48, "block5_sepconv2": 546},
    "VGG16": {"block5_conv3": 384, "fc1": 3072},
}


@pytest.mark.parametrize("name", WIDTHS)
def test_network_with_fewer_channels(name: str) -> None:
    model = network(name, "float64")
    result = ubp.remove_channels(model, 0.25)
    assert_equal_to_zeroed(model, result, tolerance=1e-10)
    for layer, width in WIDTHS[name].items():
        assert len(removed_from(result.report, layer).kept) == width, layer
        assert result.model.get_layer(layer).output.shape[-1] == width
    for each in result.report.groups:
        for reason in each.group.obstacles:
            assert reason.startswith("the model's output"), reason
