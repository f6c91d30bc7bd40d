# SPDX-License-Identifier: Apache-2.0
"""The option weight_cache: packed weights come from a file, and results do not depend on it.

Every result is compared bit for bit with that of the same model and options without a cache.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import ubp
from ubp.conversion.load.loader import convert_keras
from ubp.runtime import delegate_report

Array = npt.NDArray[np.float32]
Outputs = Callable[..., Array]
LINE = re.compile(r"weight cache: (\d+) entries found, (\d+) added(?:, (\d+) of other weights)?")


def network(keras: Any) -> Any:
    layers = keras.layers
    x = image = keras.Input((24, 24, 3))
    x = layers.Conv2D(32, 3, strides=2, padding="same", activation="relu6")(x)
    for filters, stride in ((64, 1), (128, 2)):
        x = layers.DepthwiseConv2D(3, strides=stride, padding="same", activation="relu6")(x)
        x = layers.Conv2D(filters, 1, activation="relu6")(x)
        x = layers.Conv2D(filters, 3, padding="same", activation="relu6")(x)
    return keras.Model(image, layers.Dense(10)(layers.GlobalAveragePooling2D()(x)))


@pytest.fixture(scope="module")
def models(keras: Any, randomise: Any, prune: Any) -> dict[str, bytes]:
    """Ordinary files with zeros, of two sets of weights; and converted ones."""
    one, two = (
        convert_keras(prune(randomise(network(keras), seed), ubp.UnalignedBlock(4)))
        for seed in (0, 1)
    )
    return {
        "zeros": one,
        "other zeros": two,
        "f32": ubp.convert(one, block_size=4, min_speedup=0).model,
        "f16": ubp.convert(one, block_size=4, min_speedup=0, weights="f16").model,
        "blocks of 16": ubp.convert(one, block_size=16, min_speedup=0).model,
    }


@pytest.fixture
def outputs(run: Callable[..., list[Array]]) -> Outputs:
    """The output for a fixed input of so many images."""

    def of(model: bytes, batch: int = 1, **options: Any) -> Array:
        x = np.random.default_rng(3).normal(size=(batch, 24, 24, 3)).astype(np.float32)
        (output,) = run(ubp.Interpreter(model, **options), [x])
        return output

    return of


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "model.cache"


def counts(log: str) -> tuple[int, int, int]:
    """Entries found, added and dropped, of the only such line."""
    (line,) = LINE.findall(log)
    found, added, dropped = (int(number or 0) for number in line)
    return found, added, dropped


# Blocks of 16 are cut by all kernels but the reference.
@pytest.mark.parametrize("kernel", ["auto", "portable"])
@pytest.mark.parametrize("model", ["zeros", "f16", "blocks of 16"])
def test_results_are_the_same_cold_and_warm(
    models: dict[str, bytes],
    outputs: Outputs,
    cache: Path,
    capfd: pytest.CaptureFixture[str],
    model: str,
    kernel: str,
) -> None:
    options = {"kernel": kernel, "log": "info"}
    expected = outputs(models[model], **options)
    capfd.readouterr()
    np.testing.assert_array_equal(outputs(models[model], weight_cache=cache, **options), expected)
    found, added, dropped = counts(capfd.readouterr().err)
    assert (found, dropped) == (0, 0)
    assert added > 0
    written = cache.read_bytes()
    np.testing.assert_array_equal(outputs(models[model], weight_cache=cache, **options), expected)
    assert counts(capfd.readouterr().err) == (added, 0, 0)
    assert cache.read_bytes() == written
    assert [path.name for path in cache.parent.iterdir()] == [cache.name]


def test_what_is_read_where_it_lies_is_not_kept(
    models: dict[str, bytes], outputs: Outputs, cache: Path
) -> None:
    outputs(models["f32"], weight_cache=cache)
    assert not cache.exists()


def test_the_decisions_are_the_same(models: dict[str, bytes], cache: Path) -> None:
    expected = delegate_report(models["zeros"])
    assert delegate_report(models["zeros"], weight_cache=cache) == expected
    assert cache.exists()
    assert delegate_report(models["zeros"], weight_cache=cache) == expected


def test_threads_and_batch_sizes_share_a_cache(
    models: dict[str, bytes], outputs: Outputs, cache: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    outputs(models["zeros"], weight_cache=cache)
    written = cache.read_bytes()
    for batch in (1, 3):
        expected = outputs(models["zeros"], batch)
        for threads in (1, 2):
            actual = outputs(models["zeros"], batch, num_threads=threads, weight_cache=cache)
            np.testing.assert_array_equal(actual, expected)
    assert cache.read_bytes() == written


def test_other_weights_replace_the_file(
    models: dict[str, bytes], outputs: Outputs, cache: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    outputs(models["zeros"], weight_cache=cache, log="info")
    _, first, _ = counts(capfd.readouterr().err)
    actual = outputs(models["other zeros"], weight_cache=cache, log="info")
    found, _, dropped = counts(capfd.readouterr().err)
    assert (found, dropped) == (0, first)
    np.testing.assert_array_equal(actual, outputs(models["other zeros"]))
    outputs(models["other zeros"], weight_cache=cache, log="info")
    assert counts(capfd.readouterr().err)[1:] == (0, 0)


def test_other_kernels_use_what_they_can(
    models: dict[str, bytes], outputs: Outputs, cache: Path
) -> None:
    outputs(models["zeros"], weight_cache=cache)
    for kernel in ("portable", "auto", "reference"):
        actual = outputs(models["zeros"], weight_cache=cache, kernel=kernel)
        np.testing.assert_array_equal(actual, outputs(models["zeros"], kernel=kernel))


def test_many_parts_write_one_file(
    models: dict[str, bytes], outputs: Outputs, cache: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    options = {"take": "sparse", "weight_cache": cache, "log": "info"}
    expected = outputs(models["zeros"], take="sparse")
    np.testing.assert_array_equal(outputs(models["zeros"], **options), expected)
    log = capfd.readouterr().err
    assert log.count("layer(s) from") > 1
    _, added, _ = counts(log)
    np.testing.assert_array_equal(outputs(models["zeros"], **options), expected)
    assert counts(capfd.readouterr().err) == (added, 0, 0)


def test_one_delegate_for_two_models(
    models: dict[str, bytes], run: Callable[..., list[Array]], outputs: Outputs, cache: Path
) -> None:
    from ai_edge_litert.interpreter import Interpreter

    x = np.random.default_rng(3).normal(size=(1, 24, 24, 3)).astype(np.float32)
    names = ("zeros", "other zeros")
    for _ in range(2):
        delegate = ubp.load_delegate(weight_cache=cache)
        interpreters = [
            Interpreter(model_content=models[name], experimental_delegates=[delegate])
            for name in names
        ]
        for name, interpreter in zip(names, interpreters, strict=True):
            np.testing.assert_array_equal(run(interpreter, [x])[0], outputs(models[name]))


@pytest.mark.parametrize("where", [0.0, 0.01, 0.3, 0.7, 0.999])
@pytest.mark.parametrize("damage", ["flipped", "truncated"])
def test_a_damaged_cache_is_said_and_made_anew(
    models: dict[str, bytes],
    outputs: Outputs,
    cache: Path,
    capfd: pytest.CaptureFixture[str],
    damage: str,
    where: float,
) -> None:
    expected = outputs(models["zeros"], weight_cache=cache)
    intact = cache.read_bytes()
    position = max(20, int(where * len(intact)))
    if damage == "flipped":
        changed = bytearray(intact)
        changed[position : position + 64] = bytes(~b & 0xFF for b in intact[position:][:64])
        cache.write_bytes(changed)
    else:
        cache.write_bytes(intact[:position])
    capfd.readouterr()
    np.testing.assert_array_equal(outputs(models["zeros"], weight_cache=cache), expected)
    log = capfd.readouterr().err
    assert log.count("WARNING") == 1
    assert f"the weight cache '{cache}' is " in log
    assert "made anew" in log
    np.testing.assert_array_equal(outputs(models["zeros"], weight_cache=cache), expected)
    assert "WARNING" not in capfd.readouterr().err
    assert len(cache.read_bytes()) == len(intact)


@pytest.mark.parametrize("content", [b"", b"my thesis", b"UBP weight\0" + bytes(100)])
def test_a_file_of_another_kind_is_refused_and_kept(
    models: dict[str, bytes], cache: Path, content: bytes
) -> None:
    cache.write_bytes(content)
    with pytest.raises(ValueError, match="which exists and is not a weight cache") as error:
        ubp.Interpreter(models["zeros"], weight_cache=cache)
    assert str(cache) in str(error.value)
    assert "\n" not in str(error.value)
    assert cache.read_bytes() == content


def test_a_cache_that_cannot_be_written_is_said_once(
    models: dict[str, bytes], outputs: Outputs, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    expected = outputs(models["zeros"])
    capfd.readouterr()
    path = tmp_path / "nowhere" / "model.cache"
    np.testing.assert_array_equal(outputs(models["zeros"], weight_cache=path), expected)
    log = capfd.readouterr().err
    assert log.count("WARNING") == 1
    assert f"the weight cache '{path}' cannot be written: No such file or directory." in log


def test_the_path_is_not_empty() -> None:
    with pytest.raises(ValueError, match="'weight_cache' is '', expected the path of a file"):
        ubp.load_delegate(weight_cache="")


PROCESS = """
import sys, numpy, ubp
interpreter = ubp.Interpreter(sys.argv[1], weight_cache=sys.argv[2])
interpreter.allocate_tensors()
x = numpy.random.default_rng(3).normal(size=(1, 24, 24, 3)).astype(numpy.float32)
interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
interpreter.invoke()
numpy.save(sys.argv[3], interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))
"""


@pytest.mark.slow
def test_processes_at_the_same_time(
    models: dict[str, bytes], outputs: Outputs, cache: Path, tmp_path: Path
) -> None:
    model = tmp_path / "model.tflite"
    model.write_bytes(models["zeros"])
    results = [tmp_path / f"{index}.npy" for index in range(3)]
    processes = [
        subprocess.Popen([sys.executable, "-c", PROCESS, model, cache, result])
        for result in results
    ]
    assert [process.wait() for process in processes] == [0, 0, 0]
    for result in results:
        np.testing.assert_array_equal(np.load(result), outputs(models["zeros"]))
    kept = {model.name, cache.name, *(result.name for result in results)}
    assert {path.name for path in tmp_path.iterdir()} == kept
