# SPDX-License-Identifier: Apache-2.0
"""ubp.conversion.decide: the predictions go the right way, and one rule decides."""

import numpy as np
import pytest

from ubp.conversion.candidates import Candidate
from ubp.conversion.decide import Decision, decide
from ubp.conversion.find import Layer
from ubp.costs import DEFAULT_COSTS, LayerShape
from ubp.format import BLOCK_SIZES, Attributes, Conv2DAttributes, FullyConnectedAttributes
from ubp.latency import LatencyModel, Line, MeasuredLayer, MeasuredNetwork


def candidate(attributes: Attributes, kept: float, pixels: int) -> Candidate:
    """A layer that keeps this share of its weights, in aligned blocks of 4."""
    lanes, channels = attributes.lanes, attributes.out_channels
    keep = np.random.default_rng(0).random((lanes, channels // 4)) < kept
    weights = np.repeat(keep, 4, axis=1).astype(np.float32)
    return Candidate(attributes, weights, None, weights.size, pixels, pixels)


def conv(channels: int = 256) -> Conv2DAttributes:
    return Conv2DAttributes(
        in_channels=256, out_channels=channels, block_size=1, kernel_h=1, kernel_w=1
    )


def dense_layer() -> FullyConnectedAttributes:
    return FullyConnectedAttributes(in_channels=256, out_channels=256, block_size=1)


def speedup(found: Candidate, n: int = 4) -> float:
    predicted = decide([as_layer(found)], n, 0.0)[0].speedup
    assert predicted is not None
    return predicted


def as_layer(found: Candidate, buffer: int = 1, name: str = "w") -> Layer:
    shape = found.weights.shape
    return Layer(0, 0, "CONV_2D", name, shape, found.weights.nbytes, buffer, candidate=found)


def decide_one(layer: Layer, min_speedup: float) -> Decision:
    (decision,) = decide([layer], None, min_speedup)
    return decision


@pytest.mark.parametrize("attributes", [conv(), dense_layer()], ids=["conv", "dense"])
@pytest.mark.parametrize("pixels", [1, 49, 3136])
def test_fewer_blocks_are_faster(attributes: Attributes, pixels: int) -> None:
    predicted = [speedup(candidate(attributes, kept, pixels)) for kept in (1.0, 0.5, 0.2, 0.05)]
    assert predicted == sorted(predicted)
    assert predicted[0] <= 1.1 < predicted[2]


def test_wider_layers_gain_more_since_the_transposes_weigh_less() -> None:
    assert speedup(candidate(conv(512), 0.2, 196)) > speedup(candidate(conv(32), 0.2, 196))


def test_larger_blocks_cost_more_but_less_than_their_weights_alone() -> None:
    for costs in (DEFAULT_COSTS.block, DEFAULT_COSTS.single):
        assert sorted(costs) == list(BLOCK_SIZES)
        for n in BLOCK_SIZES[1:]:
            assert costs[n // 2] < costs[n] < n * costs[1]


def test_pixels_are_computed_in_whole_tiles() -> None:
    slow, fast = (speedup(candidate(conv(), 0.2, pixels)) for pixels in (17, 32))
    assert fast > 1.5 * slow


@pytest.mark.parametrize("attributes", [conv(), dense_layer()], ids=["conv", "dense"])
def test_one_pixel_of_a_pointwise_layer_transposes_nothing(attributes: Attributes) -> None:
    found = candidate(attributes, 0.2, 1)
    blocks = np.count_nonzero(found.weights) / 4
    activations = 256 + 256
    expected = (256 * 256 + activations) / (DEFAULT_COSTS.single[4] * blocks + activations)
    assert speedup(found) == pytest.approx(expected)


def test_a_layer_without_any_block_is_finite() -> None:
    for attributes in (conv(), dense_layer()):
        assert 1 < speedup(candidate(attributes, 0.0, 1)) < np.inf


def test_a_line_through_zero_without_any_block_is_finite() -> None:
    shape = LayerShape.of_convolution(256, 256)
    measured = MeasuredLayer("w", "w", shape, 10.0, {4: Line(0.0, 0.1)})
    costs = LatencyModel(DEFAULT_COSTS, 1e-5, network=MeasuredNetwork("m", 9.0, 0.0, (measured,)))
    layer = as_layer(candidate(dense_layer(), 0.0, 1))
    (decision,) = decide([layer], 4, 1.1, costs)
    assert decision.taken and decision.speedup is not None and 1 < decision.speedup < np.inf


def test_the_threshold_decides_and_is_named() -> None:
    layer = as_layer(candidate(conv(), 0.2, 196))
    predicted = decide_one(layer, 0.0).speedup
    assert predicted is not None
    assert decide_one(layer, predicted).taken
    refused = decide_one(layer, predicted + 0.5)
    assert not refused.taken
    assert f"speed-up {predicted:.2f}x is below {predicted + 0.5:g}x" in refused.reason


def test_auto_takes_the_block_size_with_the_best_prediction() -> None:
    found = candidate(conv(), 0.2, 196)
    best = decide_one(as_layer(found), 0.0)
    assert best.speedup == max(speedup(found, n) for n in BLOCK_SIZES)
    assert best.blocks is not None
    assert best.blocks.size == 4


def test_what_cannot_be_converted_keeps_its_reason() -> None:
    decision = decide_one(Layer(0, 0, "CONV_2D", "w", (), 0, obstacle="it is green"), 0.0)
    assert (decision.taken, decision.reason) == (False, "it is green")
    assert decision.speedup is None


def test_layers_that_share_weights_are_decided_together() -> None:
    large, small = candidate(conv(), 0.2, 784), candidate(conv(), 0.2, 4)
    assert speedup(large) > 1.1 > speedup(small)
    together = decide([as_layer(large), as_layer(small)], None, 1.1)
    assert [decision.taken for decision in together] == [True, True]
    assert together[0].blocks is together[1].blocks
    assert [decision.speedup for decision in together] == [speedup(large), speedup(small)]
    apart = decide([as_layer(large), as_layer(small, buffer=2)], None, 1.1)
    assert [decision.taken for decision in apart] == [True, False]
    mostly_small = decide([as_layer(large), *[as_layer(small)] * 4000], None, 1.1)
    assert not any(decision.taken for decision in mostly_small)
    assert "x of the 4001 layers that share these weights is below 1.1x" in mostly_small[0].reason


def test_any_name_of_layers_that_share_weights_counts() -> None:
    found = candidate(conv(), 0.2, 196)
    layers = [as_layer(found, name="first"), as_layer(found, name="second")]
    for name in ("first", "second"):
        for decision in decide(layers, {name: 2}, 99.0):
            assert decision.taken and decision.blocks is not None and decision.blocks.size == 2
        kept = decide(layers, {name: None}, 0.0)
        assert [each.reason for each in kept] == ["it was named to stay dense"] * 2
