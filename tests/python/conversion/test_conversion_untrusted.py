# SPDX-License-Identifier: Apache-2.0
"""Untrusted Keras files: none of either package of Keras has code of its choice run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import pytest
import tf_keras
from keras_checks import same_outputs

from ubp.conversion import convert
from ubp.conversion.load.refused import code_in

PACKAGES = pytest.mark.parametrize("package", [keras, tf_keras], ids=["keras", "tf_keras"])
SUFFIXES = pytest.mark.parametrize("suffix", [".keras", ".h5"])


@keras.saving.register_keras_serializable(package="tests")
class Doubled(keras.layers.Layer):
    def call(self, x: Any) -> Any:
        return x * 2.0


@tf_keras.saving.register_keras_serializable(package="tests")
class Halved(tf_keras.layers.Layer):
    def call(self, x: Any) -> Any:
        return x * 0.5


def refuse_to_load(*_: Any, **__: Any) -> None:
    raise AssertionError("Keras was to read the file")


@PACKAGES
@SUFFIXES
def test_code_in_a_file_never_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: Any, suffix: str
) -> None:
    """Nor is it left to Keras to refuse it: some versions run what is in HDF5."""
    path, trace = tmp_path / f"model{suffix}", tmp_path / "trace"

    def write(x: Any, trace: str = str(trace)) -> Any:
        open(trace, "w").close()  # noqa: PTH123 - no names of this module exist where it runs
        return x

    layers = package.layers
    package.Sequential([layers.Input((6,)), layers.Lambda(write), layers.Dense(8)]).save(path)
    trace.unlink()
    monkeypatch.setattr(package.models, "load_model", refuse_to_load)
    with pytest.raises(ValueError, match=r"Lambda layer 'lambda.*' holds Python code"):
        convert(path)
    assert not trace.exists()


def function(module: str, name: str) -> dict[str, Any]:
    return {"class_name": "function", "module": module, "config": name, "registered_name": name}


def layer(module: str, name: str) -> dict[str, Any]:
    return {"class_name": name, "module": module, "config": {"name": "x"}, "registered_name": None}


@PACKAGES
@pytest.mark.parametrize(
    ("node", "reason"),
    [
        ({"class_name": "__lambda__", "config": {"value": "4wEA"}}, "a lambda in it"),
        ({"class_name": "Lambda", "config": {"name": "own"}}, "Lambda layer 'own' holds"),
        ({"residual_fn_type": "lambda", "name": "cell"}, "'cell' holds Python code"),
        (layer("keras.layers", "TFSMLayer"), "TFSMLayer 'x' runs code from another file"),
        (layer("keras.layers", "TorchModuleWrapper"), "TorchModuleWrapper 'x' runs code from"),
        (function("os", "system"), "'system' of the module 'os' is neither of Keras nor"),
        (function("builtins", "exec"), "'exec' of the module 'builtins' is neither"),
        (function("keras.utils", "get_file"), "'get_file' of the module 'keras.utils'"),
        (function("keras.src.utils.file_utils", "get_file"), "'get_file' of the module 'keras.src"),
        (function("keras", "get_file"), "'get_file' of the module 'keras'"),
        (layer("keras_of_mine.layers", "Dense"), "'Dense' of the module 'keras_of_mine.layers'"),
    ],
)
def test_what_runs_code(package: Any, node: dict[str, Any], reason: str) -> None:
    config = {"class_name": "Sequential", "config": {"layers": [{"config": {"activation": node}}]}}
    found = code_in(config, package)
    assert found is not None
    assert found.startswith(reason)


@PACKAGES
@pytest.mark.parametrize(
    "node",
    [
        function("builtins", "relu"),
        function("keras.ops", "silu"),
        function("tf_keras.src.activations", "gelu"),
        layer("keras.layers", "Dense"),
        layer("keras.src.ops.numpy", "Add"),
        function("tensorflow.python.ops.gen_nn_ops", "relu"),
        {"class_name": "Dense", "config": {"name": "lambda"}},
        {"class_name": 5, "config": ["Lambda"]},
    ],
)
def test_what_runs_none(package: Any, node: dict[str, Any]) -> None:
    assert code_in([node], package) is None


@SUFFIXES
@pytest.mark.parametrize(("package", "own"), [(keras, Doubled), (tf_keras, Halved)])
def test_layers_that_are_registered(tmp_path: Path, package: Any, own: Any, suffix: str) -> None:
    dense = package.layers.Dense
    model = package.Sequential([package.layers.Input((6,)), dense(8), own(), dense(5)])
    model.save(tmp_path / f"model{suffix}")
    assert same_outputs(convert(tmp_path / f"model{suffix}").dense, model)
