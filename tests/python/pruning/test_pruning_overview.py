# SPDX-License-Identifier: Apache-2.0
"""pruning_summary: what its table says of each layer."""

from __future__ import annotations

import keras
import pytest
from keras import layers
from pruning_models import FUNCTIONAL_TARGETS, functional_model, sequential_model
from subclassed_models import Network, called

import ubp


def table(model: keras.Model, **options: object) -> tuple[dict[str, list[str]], str]:
    """The cells of each layer's line by its name, and the whole text."""
    texts: list[str] = []
    assert ubp.pruning_summary(model, print_fn=texts.append, **options) is None
    (text,) = texts
    rows: dict[str, list[str]] = {}
    for line in text.splitlines():
        name, *cells = [cell.strip() for cell in line.split("│")[1:-1]] or [""]
        if name:
            rows[name] = cells
        elif cells:  # the rest of folded cells
            last = rows[next(reversed(rows))]
            last[:] = [" ".join(pair).strip() for pair in zip(last, cells, strict=True)]
    return rows, text


def test_plan_of_an_ordinary_model():
    rows, text = table(functional_model())
    assert set(rows) == {"stem", "norm", "depthwise", "classifier", *FUNCTIONAL_TARGETS}
    for name in FUNCTIONAL_TARGETS:
        assert rows[name][2:] == ["UnalignedBlock(4)", ""]
    assert rows["stem"] == ["Conv2D", "3x3x2x8", "", "it is the first convolution"]
    assert rows["classifier"][-1] == "it is the last layer with weights"
    assert rows["depthwise"][-1].startswith("it is a DepthwiseConv2D, each of whose channels")
    assert rows["norm"][-1].startswith("it is a BatchNormalization, which has no kernel")
    assert "Not pruned; ubp.prune would prune 4 of 8 layers with weights." in text


def test_plan_is_what_prune_does():
    model = functional_model(channels=6)
    rows, _ = table(model, pattern=ubp.UnalignedBlock(8))
    pruned = ubp.prune(model, ubp.ConstantSparsity(0.5), ubp.UnalignedBlock(8))
    after, _ = table(pruned)
    assert rows["conv_3x3"][-1] == "it has 6 output channels, fewer than a block of 8"
    for name, cells in rows.items():
        assert (cells[-1] == "") == (after[name][-1] == "")
        assert cells[:2] == after[name][:2]


def test_weights_that_are_shown_are_those_that_are_pruned():
    inputs = keras.Input((8, 8, 4))
    x = layers.SeparableConv2D(12, 3, name="separable")(inputs)
    model = keras.Model(inputs, layers.Conv2D(8, 1, name="head")(x))
    after, _ = table(ubp.prune(model, ubp.ConstantSparsity(0.5), layers="separable"))
    assert table(model)[0]["separable"][1] == after["separable"][1] == "1x1x4x12"


def test_aligned_blocks_that_prune_refuses():
    with pytest.raises(ValueError, match="'conv_1x1' has 10 output channels, not a multiple of 4"):
        ubp.pruning_summary(sequential_model(), pattern=ubp.AlignedBlock(4))


def test_model_with_nothing_to_prune():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(8, name="only")], name="small")
    rows, text = table(model)
    assert rows == {"only": ["Dense", "4x8", "it is the last layer with weights"]}
    assert "ubp.prune would prune 0 of 1 layers with weights." in text


def test_pruned_model():
    policy = {"conv_1x1": 0.8, "hidden": {"pattern": ubp.AlignedBlock(2), "scope": "global"}}
    schedule = ubp.PolynomialDecay(0.25, 0.75, begin_step=0, end_step=200)
    rows, text = table(ubp.prune(sequential_model(), schedule, method="optimal", layers=policy))
    assert rows["conv_1x1"] == [
        "Conv2D", "1x1x8x10", "UnalignedBlock(4)", "optimal", "PerLayer",
        "25.0% to 80.0%, steps 0 to 200", "25.0%", "",
    ]  # fmt: skip
    assert rows["hidden"] == [
        "Dense", "360x16", "AlignedBlock(2)", "aligned", "GlobalBudget",
        "25.0% to 75.0%, steps 0 to 200", "25.0%", "",
    ]  # fmt: skip
    assert rows["stem"][-1] == "it is the first convolution"
    assert rows["classifier"][-1] == "it is the last layer with weights"
    inside, weights = 8 * 10 + 360 * 16, sequential_model().count_params()
    assert f"{inside:,} of {weights:,} weights are in the kernels of 2 pruned layers" in text
    assert f"25.0% of them are zero, {0.25 * inside / weights:.1%} of all." in text


def test_layers_that_the_policy_left_out():
    rows, _ = table(ubp.prune(functional_model(), ubp.ConstantSparsity(0.5), layers="hidden"))
    assert rows["conv_3x3"][-1] == "it was not chosen"
    assert rows["stem"][-1] == "it is the first convolution"
    assert rows["hidden"][-1] == ""


@pytest.mark.parametrize(
    ("schedule", "text"),
    [
        (ubp.ConstantSparsity(0.5, begin_step=3), "50.0% from step 3"),
        (lambda step: 0.5, "<lambda>"),
        (ubp.ADMM(0.5, begin_step=0, end_step=100), "ADMM(final_sparsity=0.5"),
    ],
)
def test_schedules(schedule, text):
    rows, _ = table(ubp.prune(sequential_model(), schedule))
    assert rows["hidden"][5].startswith(text)


@pytest.mark.parametrize("pruned", [False, True])
def test_nested_models(pruned):
    inner = keras.Sequential(
        [keras.Input((8, 8, 4)), layers.Conv2D(8, 1, name="inner_1x1"), layers.Flatten()]
    )
    inputs = keras.Input((8, 8, 2))
    x = inner(layers.Conv2D(4, 3, padding="same", name="stem")(inputs))
    model = keras.Model(inputs, layers.Dense(5, name="classifier")(x))
    rows, _ = table(ubp.prune(model, ubp.ConstantSparsity(0.5)) if pruned else model)
    assert list(rows) == ["stem", "inner_1x1", "classifier"]
    assert rows["inner_1x1"][:3] == ["Conv2D", "1x1x4x8", "UnalignedBlock(4)"]


def test_subclassed_model():
    rows, _ = table(ubp.prune(called(Network()), ubp.ConstantSparsity(0.5), layers="main"))
    assert rows["main"][2:4] == ["UnalignedBlock(4)", "optimal"]
    assert rows["one"][-1] in ("it was not chosen", "it is the first convolution")


def test_printed_by_default(capsys):
    ubp.pruning_summary(sequential_model())
    printed = capsys.readouterr().out
    assert "Pruning of model 'plain'" in printed and "conv_1x1" in printed


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        (
            "model.keras",
            TypeError,
            "pruning_summary: the model is a builtins.str; expected a Keras",
        ),
        (
            keras.Sequential([layers.Dense(2)], name="open"),
            ValueError,
            "pruning_summary: the Sequential model 'open' is not built",
        ),
    ],
)
def test_what_is_no_built_model(model, error, message):
    with pytest.raises(error, match=message):
        ubp.pruning_summary(model)
