# SPDX-License-Identifier: Apache-2.0
"""Permuted channels of networks of keras.applications, at small sizes."""

from __future__ import annotations

import pytest
from application_models import network
from permutation_models import assert_same_function, group_of, permute

pytestmark = pytest.mark.slow

# Some groups: layers whose outputs share an order.
GROUPS = {
    "MobileNet": [{"conv_pw_3"}, {"conv_pw_13"}],
    "MobileNetV2": [{"block_1_project", "block_2_project"}, {"block_2_expand"}],
    "MobileNetV3Small": [
        {"expanded_conv_1_expand"},
        {"expanded_conv_3_expand", "expanded_conv_3_squeeze_excite_conv_1"},
        {"expanded_conv_3_project", "expanded_conv_4_project", "expanded_conv_5_project"}],
    "ResNet50": [
        {f"conv3_block{name}_conv" for name in ("1_0", "1_3", "2_3", "3_3")},
        {"conv3_block1_1_conv"}],
    "DenseNet121": [{"conv2_block1_1_conv"}, {"conv2_block1_2_conv"}, {"pool2_conv"}],
    "InceptionV3": [{"conv2d_5"}, {"conv2d_39"}],
    "EfficientNetB0": [
        {"block2a_expand_conv", "block2a_se_expand"},
        {"block2a_project_conv", "block2b_project_conv"}, {"block3b_se_reduce"}],
    "Xception": [],
}  # fmt: skip


@pytest.mark.parametrize("name", GROUPS)
def test_network_keeps_its_function(name):
    model = network(name)
    permuted, report = permute(model, sparsity=0.8)
    assert_same_function(model, permuted, samples=2)
    for layers in GROUPS[name]:
        group = group_of(report, min(layers))
        assert set(group.producers) == layers and group.permuted, group.producers
    for group in report.groups:
        for reason in group.reasons:
            assert reason.startswith(("the model's output", "none of its", "no better")), reason
    assert report.kept_after > 1.005 * report.kept_before
