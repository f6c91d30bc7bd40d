# SPDX-License-Identifier: Apache-2.0
"""Which file is what, and what is said about those that are not."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from keras_checks import same_outputs

import ubp
from ubp.conversion import convert
from ubp.conversion.load.files import Kind, kind_of, read_tflite, tflite_of

TRUST = "load it in Python, where you say which layers you know and trust"


def small(package: Any, *between: Any) -> Any:
    dense = package.layers.Dense
    return package.Sequential([package.layers.Input((6,)), dense(8), *between, dense(5)])


def odd(package: Any) -> Any:
    """A layer of a class that nobody else can find."""

    class Odd(package.layers.Layer):  # type: ignore[misc, name-defined]
        def call(self, x: Any) -> Any:
            return x + 1.0

    return Odd()


# ---- kinds of files ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"\x20\0\0\0TFL3", Kind.TFLITE),
        (b"PK\x03\x04TFL3", Kind.TFLITE),
        (b"PK\x03\x04\0\0\0\0", Kind.KERAS_ARCHIVE),
        (b"\x89HDF\r\n\x1a\n", Kind.KERAS_HDF5),
        (b"\x89HDF", Kind.TFLITE),  # which reading it denies
        (b"", Kind.TFLITE),
    ],
)
def test_kinds_are_told_by_the_first_bytes(tmp_path: Path, start: bytes, kind: Kind) -> None:
    for name in ("model.tflite", "model.keras", "model.h5", "model"):
        (tmp_path / name).write_bytes(start)
        assert kind_of(tmp_path / name) is kind


def test_directories_and_parts_of_models(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a directory without a saved_model\.pb; expected a"):
        kind_of(tmp_path)
    (tmp_path / "weights.index").touch()
    with pytest.raises(ValueError, match="weights: a checkpoint, which holds weights without a"):
        kind_of(tmp_path / "weights")
    with pytest.raises(FileNotFoundError, match="other: no such file"):
        kind_of(tmp_path / "other")
    (tmp_path / "saved_model.pb").touch()
    assert kind_of(tmp_path) is Kind.SAVED_MODEL
    with pytest.raises(ValueError, match=f"a part of a SavedModel; give its directory, {tmp_path}"):
        kind_of(tmp_path / "saved_model.pb")


def test_what_takes_tflite_files_takes_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    path.write_bytes(b"PK\x03\x04 and so on")
    with pytest.raises(ValueError, match=r"a Keras file, expected a \.tflite file; 'ubp convert'"):
        read_tflite(path)
    with pytest.raises(ValueError, match=r"a directory, expected a \.tflite file"):
        ubp.unpack(tmp_path)
    with pytest.raises(ValueError, match=r"a float is no \.tflite file; expected the path of one"):
        tflite_of(1.5)  # type: ignore[arg-type]
    for data in (b"abc", bytearray(b"abc"), memoryview(b"abc")):
        assert tflite_of(data) == (b"abc", "model")


# ---- files of both packages of Keras -------------------------------------------------------------


@pytest.mark.parametrize("package", [keras, tf_keras], ids=["keras", "tf_keras"])
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_names_of_files_do_not_matter(tmp_path: Path, package: Any, suffix: str) -> None:
    model, path = small(package), tmp_path / f"model{suffix}"
    model.save(path)
    for name in ("model", "model.tflite", "other.h5", "other.keras"):
        renamed = path.rename(tmp_path / name)
        assert same_outputs(convert(renamed).dense, model)
        path = renamed


@pytest.mark.parametrize("package", [keras, tf_keras], ids=["keras", "tf_keras"])
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_the_package_that_wrote_a_file_reads_it(tmp_path: Path, package: Any, suffix: str) -> None:
    model, path = small(package), tmp_path / f"model{suffix}"
    model.save(path)
    assert same_outputs(convert(path).dense, model)


@pytest.mark.parametrize("version", [None, b"2.1.6", "1.0"])
def test_versions_of_old_files(tmp_path: Path, version: str | bytes | None) -> None:
    model, path = small(tf_keras), tmp_path / "old.h5"
    model.save(path)
    with h5py.File(path, "r+") as file:
        del file.attrs["keras_version"]
        if version is not None:
            file.attrs["keras_version"] = version
        file.attrs["model_config"] = file.attrs["model_config"].encode()
    assert same_outputs(convert(path).dense, model)


def test_a_saved_model_of_keras_3(tmp_path: Path) -> None:
    model = small(keras)
    model.export(tmp_path / "model", verbose=False)
    assert same_outputs(convert(tmp_path / "model").dense, model)


def test_tf_keras_that_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small(tf_keras).save(tmp_path / "model.keras")
    monkeypatch.setitem(sys.modules, "tf_keras", None)
    with pytest.raises(ImportError, match=r"a file of Keras 2\..* needs tf_keras, which is not in"):
        convert(tmp_path / "model.keras")


@pytest.mark.parametrize("package", [keras, tf_keras], ids=["keras", "tf_keras"])
def test_weights_without_a_model(tmp_path: Path, package: Any) -> None:
    path = tmp_path / "model.weights.h5"
    small(package).save_weights(path)
    with pytest.raises(ValueError, match=r"HDF5 without a model, such as save_weights\(\) writes"):
        convert(path)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: small(keras, odd(keras)), "'Odd'"),
        (lambda: small(tf_keras, odd(tf_keras)), r"\bOdd\b"),
        (lambda: small(keras, keras.layers.Lambda(lambda x: x)), "Lambda layer"),
        (lambda: small(tf_keras, tf_keras.layers.Lambda(lambda x: x)), "Lambda layer"),
    ],
)
def test_layers_that_a_file_cannot_bring_along(
    tmp_path: Path, make: Callable[[], Any], reason: str, suffix: str
) -> None:
    path = tmp_path / f"model{suffix}"
    make().save(path)
    with pytest.raises(ValueError, match=rf"keras .* does not load it: [^;]*{reason}.*; {TRUST}"):
        convert(path)


# ---- damaged files -------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("package", [keras, tf_keras], ids=["keras", "tf_keras"])
def test_a_truncated_file(tmp_path: Path, package: Any, suffix: str) -> None:
    path = tmp_path / f"model{suffix}"
    small(package).save(path)
    whole = path.read_bytes()
    for size in (9, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match=rf"model\{suffix}: .*damaged"):
            convert(path)


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"config.json": "{}"},
        {"metadata.json": "{}", "config.json": "{}"},
        {"metadata.json": "[]", "config.json": "{}"},
        {"metadata.json": "no JSON", "config.json": "{}"},
        {"metadata.json": '{"keras_version": "3.1.0"}', "config.json": "[" * 100_000},
        {"metadata.json": '{"keras_version": "3.1.0"}', "config.json": b"\xff\xfe\xfd"},
    ],
)
def test_an_archive_that_is_no_model(tmp_path: Path, members: dict[str, str | bytes]) -> None:
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
        archive.writestr("something", "else")
        for name, text in members.items():
            archive.writestr(name, text)
    with pytest.raises(ValueError, match="a zip archive that is no Keras model, or a damaged one"):
        convert(tmp_path / "model.keras")


def test_a_configuration_too_large_to_unpack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small(keras).save(tmp_path / "model.keras")
    monkeypatch.setattr(import_module("ubp.conversion.load.keras_files"), "_MAX_CONFIG_BYTES", 100)
    with pytest.raises(ValueError, match="no Keras model, or a damaged one"):
        convert(tmp_path / "model.keras")


@pytest.mark.parametrize("package", [keras, tf_keras], ids=["keras", "tf_keras"])
@pytest.mark.parametrize("config", ["{", "{}", "[]", "null", '{"class_name": 5, "config": []}'])
def test_a_damaged_configuration(tmp_path: Path, package: Any, config: str) -> None:
    path = tmp_path / "model.h5"
    small(package).save(path)
    with h5py.File(path, "r+") as file:
        file.attrs["model_config"] = config
    with pytest.raises(ValueError, match=r"model\.h5: "):
        convert(path)


@pytest.mark.parametrize("package", [keras, tf_keras], ids=["keras", "tf_keras"])
def test_a_file_without_its_weights(tmp_path: Path, package: Any) -> None:
    path = tmp_path / "model.h5"
    small(package).save(path)
    with h5py.File(path, "r+") as file:
        del file["model_weights"]
    with pytest.raises(ValueError, match=r"model\.h5: damaged Keras file, (tf_)?keras .* cannot"):
        convert(path)


def test_a_damaged_saved_model(tmp_path: Path) -> None:
    path = tmp_path / "model"
    small(keras).export(path, verbose=False)
    (path / "variables" / "variables.index").unlink()
    with pytest.raises(ValueError, match=r"cannot load this SavedModel: [^.]"):
        convert(path)
    (path / "saved_model.pb").write_bytes(b"\xff" * 100)
    with pytest.raises(ValueError, match=r"cannot load this SavedModel: [^.]"):
        convert(path)


def test_a_model_that_tensorflow_cannot_convert() -> None:
    inputs = keras.Input((4,))
    outputs = keras.layers.Lambda(lambda x: tf.strings.length(tf.strings.as_string(x)))(inputs)
    with pytest.raises(ValueError, match=r"'words': .* cannot convert it \(tf\.AsString, .*; make"):
        convert(keras.Model(inputs, outputs, name="words"))


def test_a_model_quantised_in_its_weights_alone_is_read() -> None:
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(96)])
    model.set_weights([np.where(np.eye(64, 96), 0.5, 0.0), np.zeros(96)])
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    result = convert(converter.convert())
    (layer,) = result.report
    assert layer.taken and layer.stored_as == "I8"
    assert layer.note.startswith("computed in float")
    assert ubp.verify(result.dense, result.model).passed
