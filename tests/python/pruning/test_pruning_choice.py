# SPDX-License-Identifier: Apache-2.0
"""The argument `layers` of prune: which layers are pruned, with which settings, and mistakes."""

from __future__ import annotations

from fnmatch import fnmatchcase

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers
from pruning_models import FUNCTIONAL_TARGETS, functional_model, sequential_model

import ubp
from ubp.masking.pruning_settings import PruningSettings
from ubp.masking.schedules import PolynomialDecay
from ubp.pruning.layers.choice import choose_layers

SETTINGS = PruningSettings(ubp.ConstantSparsity(0.5))
ABLE = ["stem", *FUNCTIONAL_TARGETS, "classifier"]


@pytest.fixture(scope="module")
def model():
    return functional_model()


def chosen(model, policy, settings=SETTINGS):
    """Name -> settings of the layers that a policy chooses."""
    return {choice.layer.name: choice.settings for choice in choose_layers(model, settings, policy)}


def sparsities(model, policy):
    return {name: each.schedule.target_sparsity for name, each in chosen(model, policy).items()}


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (None, FUNCTIONAL_TARGETS),
        ("hidden", ["hidden"]),
        ("classifier", ["classifier"]),
        ("conv_*", ["conv_3x3", "conv_strided"]),
        ("*", ABLE),
        ("[cs]*", ["stem", "conv_3x3", "conv_strided", "classifier"]),
        (["hidden", "stem"], ["stem", "hidden"]),
        (("conv_*", "conv_3x3", "hidden"), ["conv_3x3", "conv_strided", "hidden"]),
        ({"hidden": True, "stem": False}, ["hidden"]),
        ({"stem": None, "classifier": None, "*": True}, FUNCTIONAL_TARGETS),
        ({"depthwise": None, "hidden": True}, ["hidden"]),
        (lambda layer: isinstance(layer, layers.Dense), ["hidden", "classifier"]),
        (lambda layer: None if layer.name == "stem" else 0.5, ABLE[1:]),
        (lambda layer: np.bool_(layer.name == "hidden"), ["hidden"]),
    ],
)
def test_which_layers(model, policy, expected):
    assert list(chosen(model, policy)) == expected
    assert set(chosen(model, policy).values()) == {SETTINGS} or callable(policy)


def test_layers_of_the_model(model):
    hidden, stem = model.get_layer("hidden"), model.get_layer("stem")
    assert list(chosen(model, hidden)) == ["hidden"]
    assert list(chosen(model, [hidden, stem, "branch_1x1"])) == ["stem", "branch_1x1", "hidden"]
    assert sparsities(model, {hidden: 0.7, "*": None}) == {"hidden": 0.7}


@pytest.mark.parametrize("number", [0.25, 0, np.float32(0.25), np.float64(0.25)], ids=repr)
@pytest.mark.parametrize("form", ["mapping", "settings", "callable"])
def test_sparsities(model, number, form):
    value = {"sparsity": number} if form == "settings" else number
    policy = (lambda layer: value) if form == "callable" else {"*": value}
    assert sparsities(model, policy) == dict.fromkeys(ABLE, float(number))


def test_settings_of_a_layer(model):
    gradual = PolynomialDecay(0.0, 0.8, 0, 100)
    policy = {
        "conv_3x3": {"pattern": ubp.AlignedBlock(2), "method": "aligned", "scope": "global"},
        "conv_*": {"schedule": gradual, "sparsity": 0.9, "gradients": "straight_through"},
        "hidden": {"importance": "squared"},
        "branch_1x1": {},
    }
    found = chosen(model, policy)
    assert found["conv_3x3"] == PruningSettings(
        SETTINGS.schedule, ubp.AlignedBlock(2), "aligned", scope=ubp.GlobalBudget()
    )
    assert found["conv_strided"] == PruningSettings(
        PolynomialDecay(0.0, 0.9, 0, 100), gradients="straight_through"
    )
    assert found["hidden"] == PruningSettings(SETTINGS.schedule, importance="squared")
    assert found["branch_1x1"] == SETTINGS


def test_a_setting_may_depend_on_another(model):
    """Alone, each of the two would be refused."""
    late = ubp.ConstantSparsity(0.5, begin_step=10)
    found = chosen(model, {"hidden": {"importance": "gradient", "schedule": late}})
    assert found["hidden"] == PruningSettings(late, importance="gradient")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([*ABLE, "*", "conv_*", "*_*", "?idden", "[bc]*"]),
                  st.sampled_from([None, True, 0.25, 0.75])),
        min_size=1, max_size=4, unique_by=lambda entry: entry[0],
    )
)  # fmt: skip
def test_the_first_entry_that_matches_holds(model, entries):
    expected = {}
    for name in ABLE:
        value = next((value for key, value in entries if fnmatchcase(name, key)), None)
        if value is not None:
            expected[name] = 0.5 if value is True else value
    try:
        found = sparsities(model, dict(entries))
    except ValueError as error:  # nothing is pruned, or an entry has nothing to say
        found = {} if "layers leaves all" in str(error) else None
        if "never applies" in str(error) or "matches nothing" in str(error):
            return
    assert found == expected


def special_names():
    """Names that are also patterns, twice in the same graph: a nested model has them, too."""
    inner = keras.Sequential(
        [keras.Input((8,)), layers.Dense(8, name="a[1]"), layers.Dense(8, name="a1")], name="inner"
    )
    inputs = keras.Input((8,))
    x = layers.Dense(8, name="a[1]")(inputs)
    x = layers.Dense(8, name="*")(inner(x))
    return keras.Model(inputs, layers.Dense(4, name="top")(x))


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("a[1]", ["a[1]", "a[1]"]),
        ("a[12]", ["a1"]),
        ("*", ["*"]),
        ("[*]", ["*"]),
        ("a*", ["a[1]", "a[1]", "a1"]),
    ],
)
def test_names_that_are_also_patterns(policy, expected):
    choices = choose_layers(special_names(), SETTINGS, policy)
    assert [choice.layer.name for choice in choices] == expected


def test_a_layer_is_that_layer_and_no_other_of_its_name():
    model = special_names()
    for layer in [model.get_layer("a[1]"), model.get_layer("inner").layers[0], model.layers[-2]]:
        ((found, _),) = choose_layers(model, SETTINGS, layer)
        assert found is layer


def test_default_of_nested_models():
    """The first convolution and the classifier are those of the whole model."""
    trunk = keras.Sequential(
        [keras.Input((8, 8, 2)), layers.Conv2D(8, 3, name="first"),
         layers.Conv2D(8, 3, name="second"), layers.Flatten(), layers.Dense(8, name="neck")],
        name="trunk",
    )  # fmt: skip
    model = keras.Sequential([keras.Input((8, 8, 2)), trunk, layers.Dense(4, name="top")])
    assert list(chosen(model, None)) == ["second", "neck"]
    assert list(chosen(model, ["first", "top"])) == ["first", "top"]


MISTAKES = [
    ("nope", ValueError, r"no layer named 'nope'; its layers with weights are stem, norm, conv"),
    ("x_*", ValueError, r"no layer named 'x_\*'"),
    ({"nope": None}, ValueError, "no layer named 'nope'"),
    ("depthwise", ValueError, r"'depthwise' cannot be pruned: it is a DepthwiseConv2D, each of "
     r"whose channels .*\. Take 'depthwise' out of layers"),
    (["hidden", "norm"], ValueError, "'norm' cannot be pruned: it is a BatchNormalization, which"),
    ("depth*", ValueError, r"'depth\*' matches nothing that can be pruned; for example, layer "
     "'depthwise' cannot be pruned"),
    ({"classifier": {"pattern": ubp.UnalignedBlock(8)}}, ValueError,
     "'classifier' cannot be pruned: it has 5 output channels, fewer than a block of 8"),
    ({"hidden": {"pattern": ubp.UnalignedBlock(17)}}, ValueError, "16 output channels, fewer than"),
    ({"conv_3x3": {"pattern": ubp.AlignedBlock(8)}}, ValueError,
     r"'conv_3x3' has 12 output channels, not a multiple of 8: .* or leave this layer out"),
    ({"hidden": 1.2}, ValueError, r"prune: layers\['hidden'\]: .*target_sparsity is 1.2; expected"),
    ({"hidden": 1}, ValueError, r"target_sparsity is 1.0; expected a number in \[0, 1\)"),
    ({"hidden": {"sparsity": -0.1}}, ValueError, r"layers\['hidden'\]: .* -0.1; expected"),
    ({"hidden": {"sparsity": "most"}}, TypeError,
     r"layers\['hidden'\] has the sparsity 'most'; expected a number in \[0, 1\)"),
    ({"hidden": {"sparseness": 0.5, 3: 4}}, ValueError,
     r"layers\['hidden'\] sets '3'; expected some of sparsity, schedule, pattern, method"),
    ({"hidden": {"schedule": 0.5}}, TypeError, r"layers\['hidden'\]: schedule is 0.5; expected a"),
    ({"hidden": {"pattern": 4}}, TypeError, r"layers\['hidden'\]: pattern is 4; expected Unalign"),
    ({"hidden": {"method": "best"}}, ValueError, r"layers\['hidden'\]: method is 'best'"),
    ({"hidden": {"importance": "gradient"}}, ValueError, r"layers\['hidden'\]: .*at step 0"),
    ({"hidden": "high"}, TypeError, r"layers\['hidden'\] is 'high'; expected True, None, a spar"),
    (lambda layer: "high", TypeError, "what layers returns for 'stem' is 'high'; expected True"),
    (lambda layer: {"rate": 1}, ValueError, "what layers returns for 'stem' sets 'rate'; expect"),
    (lambda layer: 1.2, ValueError, r"what layers returns for 'stem': .* 1.2; expected a number"),
    (lambda layer: False, ValueError, "layers leaves all layers of model 'residual' dense; those "
     "that can be pruned are stem, conv_3x3"),
    ({"hidden": None}, ValueError, "layers leaves all layers of model 'residual' dense"),
    ([], ValueError, "layers leaves all layers of model 'residual' dense"),
    ({"conv_*": 0.5, "conv_3x3": 0.9}, ValueError,
     r"layers\['conv_3x3'\] never applies, because 'conv_\*' .*; put 'conv_3x3' first"),
    (3, TypeError, "layers is 3; expected names of layers, a mapping"),
    ({"hidden"}, TypeError, "layers is {'hidden'}; expected names of layers"),
    (layers.Dense, TypeError, "layers is <class .*Dense'>; expected names of layers"),
    ([3], TypeError, "layers holds 3; expected names of layers, or layers of the model"),
    ({3: 0.5}, TypeError, "layers holds 3; expected names of layers, or layers of the model"),
    (layers.Dense(3, name="other"), ValueError, "layer 'other', which is not one of the model's"),
]  # fmt: skip


@pytest.mark.parametrize(("policy", "error", "message"), MISTAKES)
def test_mistakes_end_in_a_clear_sentence(model, policy, error, message):
    with pytest.raises(error, match=message) as caught:
        choose_layers(model, SETTINGS, policy)
    assert str(caught.value).startswith("prune: ")
    assert str(caught.value).endswith(".")


def test_sparsity_of_a_callers_own_schedule():
    settings = PruningSettings(lambda step: 0.5)
    with pytest.raises(ValueError, match=r"layers\['hidden'\]: .*cannot be replaced by 0.9; give"):
        choose_layers(sequential_model(), settings, {"hidden": 0.9})


def test_masks_follow_the_policy(model):
    policy = {"hidden": 0.75, "conv_*": {"pattern": ubp.UnalignedBlock(3), "sparsity": 0.25}}
    pruned = ubp.prune(model, ubp.ConstantSparsity(0.5), layers=policy)
    assert pruned.get_layer("hidden").sparsity == pytest.approx(0.75)
    assert pruned.get_layer("conv_3x3").sparsity == pytest.approx(0.25)
    assert isinstance(pruned.get_layer("branch_1x1"), layers.Conv2D)
