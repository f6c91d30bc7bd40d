# SPDX-License-Identifier: Apache-2.0
"""Checks that the tests of removed channels share; models are those of permutation_models.py."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

import ubp
from ubp.pruning import ChannelsRemoved, RemovalReport
from ubp.pruning.channels.flow import sizes
from ubp.pruning.removal.groups import removable_flow
from ubp.pruning.removal.report import GroupRemoval


def removed_from(report: RemovalReport, layer: str) -> GroupRemoval:
    """What became of the group that a layer's output channels are in."""
    (found,) = (each for each in report.groups if layer in each.group.producers)
    return found


def zeroed(model: keras.Model, report: RemovalReport) -> keras.Model:
    """The model as it was, with zeros for all weights of the channels that are removed."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    flow = removable_flow(copy, "zeroed")
    for group, row in zip(flow.groups(), report.groups, strict=True):
        assert tuple(layer.name for layer in group.producers) == row.group.producers
        gone = np.setdiff1d(np.arange(group.size), row.kept)
        for axis in flow.axes:
            ends = np.cumsum(sizes(axis.channels))
            for segment, end in zip(axis.channels, ends, strict=True):
                if segment.root is group and len(gone):
                    weight = axis.layer.weights[axis.weight]
                    values = np.moveaxis(weight.numpy().copy(), axis.axis, 0)
                    values[end - segment.size + gone] = 0
                    weight.assign(np.moveaxis(values, 0, axis.axis))
    return copy


def batch_for(model: keras.Model, samples: int = 2) -> Any:
    """Random inputs."""
    rng = np.random.default_rng(1)
    return keras.tree.map_structure(
        lambda tensor: rng.standard_normal((samples, *tensor.shape[1:])).astype(np.float32),
        model.inputs[0] if isinstance(model, keras.Sequential) else model.input,
    )


def assert_equal_to_zeroed(
    model: keras.Model, result: ChannelsRemoved, tolerance: float = 1e-5
) -> None:
    """The smaller model computes what the zeroed one does.

    Args:
        tolerance: how much outputs may differ, as a part of the largest.
    """
    batch = batch_for(model)
    zeros = zeroed(model, result.report)
    expected, found = (keras.tree.flatten(each(batch)) for each in (zeros, result.model))
    whole = keras.tree.flatten(model(batch))
    for one, other, before in zip(expected, found, whole, strict=True):
        scale = np.abs(one).max()
        assert np.abs(np.asarray(one) - np.asarray(other)).max() <= tolerance * scale
        assert np.abs(np.asarray(one) - np.asarray(before)).max() > 1e-3 * scale


def assert_removed(model: keras.Model, widths: dict[str, int], **options: Any) -> ChannelsRemoved:
    """These groups, named by a layer, end with so many channels, and no other has fewer."""
    result = ubp.remove_channels(model, **options)
    found = {each.group.name: len(each.kept) for each in result.report.groups if each.removed}
    assert found == widths
    assert_equal_to_zeroed(model, result)
    return result
