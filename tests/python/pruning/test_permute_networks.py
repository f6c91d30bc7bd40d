# SPDX-License-Identifier: Apache-2.0
"""Permuted channels of whole networks of keras.applications, at small sizes."""

from __future__ import annotations

import keras
import pytest
from permutation_models import assert_same_function, group_of, permute

from bench.harness.networks import settle

pytestmark = pytest.mark.slow

# Function, size of the image, options, and some groups: layers whose outputs share an order.
NETWORKS = {
    "MobileNet": (32, {"alpha": 0.5}, [{"conv_pw_3"}]),
    "MobileNetV2": (32, {"alpha": 0.5}, [
        {"block_1_project", "block_2_project"}, {"block_2_expand"}, {"Conv_1"}]),
    "MobileNetV3Small": (32, {}, [
        {"expanded_conv_1_expand"},
        {"expanded_conv_3_expand", "expanded_conv_3_squeeze_excite_conv_1"},
        {"expanded_conv_3_project", "expanded_conv_4_project", "expanded_conv_5_project"}]),
    "ResNet50": (32, {}, [
        {f"conv5_block{name}_conv" for name in ("1_0", "1_3", "2_3", "3_3")},
        {"conv5_block1_1_conv"}]),
    "DenseNet121": (32, {}, [{"conv2_block1_1_conv"}, {"conv2_block1_2_conv"}, {"pool2_conv"}]),
    "InceptionV3": (75, {}, [{"conv2d_5"}, {"conv2d_93"}]),
    "EfficientNetB0": (32, {}, [
        {"block2a_expand_conv", "block2a_se_expand"},
        {"block2a_project_conv", "block2b_project_conv"}, {"block6b_se_reduce"}]),
    "Xception": (71, {}, []),
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_network_keeps_its_function(name):
    size, options, groups = NETWORKS[name]
    keras.backend.clear_session()  # some layers are numbered
    keras.utils.set_random_seed(0)
    make = getattr(keras.applications, name)
    arguments = {"weights": None, "classes": 10, "classifier_activation": None}
    model = make(input_shape=(size, size, 3), **arguments, **options)
    settle(model, seed=0)
    permuted, report = permute(model, sparsity=0.8)
    assert_same_function(model, permuted, samples=2)
    for layers in groups:
        group = group_of(report, min(layers))
        assert set(group.producers) == layers and group.permuted, group.producers
    for group in report.groups:
        for reason in group.reasons:
            assert reason.startswith(("the model's output", "none of its", "no better")), reason
    assert report.kept_after > 1.005 * report.kept_before
