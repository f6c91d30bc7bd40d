# SPDX-License-Identifier: Apache-2.0
"""What a verification runs: every signature, several steps of variables, open sizes, integers.

Also what the other commands that run models, benchmark and convert --measure, make of such models.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from PIL import Image

import ubp
from ubp.cli import main
from ubp.tflite import flatbuffer
from ubp.tflite.lookups import index_bounds

CHANNELS, SIZE, ROWS = 32, 8, 7
Array = np.ndarray


def sparse(shape: tuple[int, ...], seed: int) -> Array:
    """Weights [..., channels], 90% of them zeros in aligned blocks of 4."""
    rng = np.random.default_rng(seed)
    kept = rng.random((*shape[:-1], shape[-1] // 4)) < 0.1
    return (rng.normal(size=shape) * kept.repeat(4, axis=-1)).astype(np.float32)


@pytest.fixture(scope="module")
def tf() -> Any:
    import tensorflow

    return tensorflow


@pytest.fixture(scope="module")
def make(tf: Any) -> Callable[..., bytes]:
    """A .tflite file of functions {signature: (function, its inputs)} of a module."""

    def convert(module: Any, functions: dict[str, tuple[Any, list[Any]]]) -> bytes:
        traced = {
            key: tf.function(function, input_signature=specs).get_concrete_function()
            for key, (function, specs) in functions.items()
        }
        converter = tf.lite.TFLiteConverter.from_concrete_functions(
            list(traced.values()), trackable_obj=module
        )
        if len(traced) > 1:
            import tempfile

            with tempfile.TemporaryDirectory() as folder:
                tf.saved_model.save(module, folder, signatures=traced)
                converter = tf.lite.TFLiteConverter.from_saved_model(
                    folder, signature_keys=list(traced)
                )
                return converter.convert()
        return converter.convert()

    return convert


@pytest.fixture(scope="module")
def two_signatures(tf: Any, make: Callable[..., bytes]) -> Callable[[int], bytes]:
    """Two convolutions, each behind a signature; the seed is of the second one's weights."""

    def build(seed: int) -> bytes:
        module = tf.Module()
        module.a = tf.constant(sparse((3, 3, CHANNELS, 64), 0))
        module.b = tf.constant(sparse((3, 3, CHANNELS, 64), seed))
        spec = tf.TensorSpec((1, SIZE, SIZE, CHANNELS))
        small = tf.TensorSpec((1, SIZE, SIZE // 2, CHANNELS))
        return make(
            module,
            {
                "classify": (lambda x: {"y": tf.nn.conv2d(x, module.a, 1, "SAME")}, [spec]),
                "embed": (lambda x: {"z": tf.nn.conv2d(x, module.b, 1, "SAME")}, [small]),
            },
        )

    return build


def test_every_signature_is_compared(two_signatures: Callable[[int], bytes]) -> None:
    first, second = two_signatures(1), two_signatures(2)
    converted, other = (ubp.convert(each, min_speedup=0).model for each in (first, second))
    result = ubp.verify(first, converted)
    assert result.passed
    assert result.signatures == ("signature 'classify'", "signature 'embed'")
    assert result.samples == 3 and not result.not_run
    assert not ubp.verify(first, other).passed


def test_signatures_that_given_inputs_do_not_fit_are_listed(
    two_signatures: Callable[[int], bytes], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    dense = two_signatures(1)
    converted = ubp.convert(dense, min_speedup=0).model
    x = np.ones((2, SIZE, SIZE, CHANNELS), np.float32)
    result = ubp.verify(dense, converted, [x])
    assert result.passed and result.signatures == ("signature 'classify'",)
    assert "an array of shape" in result.not_run["signature 'embed'"]
    paths = [tmp_path / name for name in ("dense.tflite", "sparse.tflite", "x.npy")]
    paths[0].write_bytes(dense)
    paths[1].write_bytes(converted)
    np.save(paths[2], x)
    command = ["verify", *map(str, paths[:2]), "--inputs", str(paths[2])]
    assert main(command) == 0
    assert "not run: signature 'embed': input 'x'" in " ".join(
        capsys.readouterr().out.replace("embed_x:0", "x").split()
    )
    with pytest.raises(ValueError, match="expected"):
        ubp.verify(dense, converted, [x[..., :3]])


@pytest.mark.parametrize("given", [False, True])
def test_variables_are_stepped(tf: Any, make: Callable[..., bytes], given: bool) -> None:
    """What the convolution computes comes out one step later."""

    def build(seed: int) -> bytes:
        class Delayed(tf.Module):
            def __init__(self) -> None:
                super().__init__()
                self.w = tf.constant(sparse((1, 1, CHANNELS, 64), seed))
                self.last = tf.Variable(tf.zeros((1, SIZE, SIZE, 64)))

            def step(self, x: Any) -> Any:
                before = tf.identity(self.last)
                self.last.assign(tf.nn.conv2d(x, self.w, 1, "SAME"))
                return before

        module = Delayed()
        return make(module, {"step": (module.step, [tf.TensorSpec((1, SIZE, SIZE, CHANNELS))])})

    dense, other = build(1), build(2)
    inputs = [np.ones((1, SIZE, SIZE, CHANNELS), np.float32)] if given else None
    assert ubp.verify(dense, ubp.convert(dense, min_speedup=0).model, inputs).passed
    assert not ubp.verify(dense, ubp.convert(other, min_speedup=0).model, inputs).passed


@pytest.fixture(scope="module")
def words(tf: Any, make: Callable[..., bytes]) -> bytes:
    """Word numbers and a mask, a table of ROWS rows, and a dense layer."""
    module = tf.Module()
    module.table = tf.constant(np.random.default_rng(0).normal(size=(ROWS, 64)).astype(np.float32))
    module.w = tf.constant(sparse((64, 128), 1))

    def score(ids: Any, mask: Any) -> Any:
        rows = tf.gather(module.table, tf.reshape(ids, (5,)))
        return tf.matmul(rows, module.w) * tf.reshape(tf.cast(mask, tf.float32), (5, 1))

    specs = [tf.TensorSpec((1, 5), tf.int32), tf.TensorSpec((1, 5), tf.int32)]
    return make(module, {"score": (score, specs)})


def test_models_of_word_numbers_run(
    words: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sorted(index_bounds(flatbuffer.parse(words, "")).values()) == [ROWS]
    dense, converted = tmp_path / "dense.tflite", tmp_path / "sparse.tflite"
    dense.write_bytes(words)
    command = ["convert", str(dense), "-o", str(converted), "--min-speedup", "0", "--verify"]
    assert main(command) == 0
    assert "passed" in capsys.readouterr().out
    command = ["benchmark", str(converted), "--against", str(dense), "--rounds", "1"]
    assert main(command) == 0
    files = []
    for name in ("a", "b"):
        files.append(str(tmp_path / f"{name}.npy"))
        np.save(files[-1], np.ones((1, 5), np.int32))
    assert main([*command, "--inputs", *files]) == 0
    assert main([*command, "--inputs", files[0]]) == 3
    assert "1 input files for a model with 2 inputs" in capsys.readouterr().err


def test_text_is_asked_for(tf: Any, make: Callable[..., bytes]) -> None:
    dense = make(tf.Module(), {"f": (lambda x: tf.identity(x), [tf.TensorSpec((1,), tf.string)])})
    with pytest.raises(ValueError, match=r"cannot make random values .* give the inputs yourself"):
        ubp.verify(dense, dense)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("FlexErf", "has operators of TensorFlow itself (FlexErf), which this interpreter does"),
        ("MyOwn", "has custom operators (MyOwn), which this interpreter does not have; such a mod"),
    ],
)
def test_operators_of_others_are_one_sentence(
    tf: Any,
    make: Callable[..., bytes],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    message: str,
) -> None:
    module = tf.Module()
    module.w = tf.constant(sparse((1, 1, CHANNELS, 64), 0))
    spec = tf.TensorSpec((1, SIZE, SIZE, CHANNELS))
    function = lambda x: tf.exp(tf.nn.conv2d(x, module.w, 1, "SAME"))  # noqa: E731
    tree = flatbuffer.parse(make(module, {"f": (function, [spec])}), "")
    custom = schema.BuiltinOperator.CUSTOM
    for code in tree.operatorCodes:
        if flatbuffer.code_name(code) == "EXP":
            code.builtinCode = code.deprecatedBuiltinCode = custom
            code.customCode = name
    dense, output = tmp_path / "dense.tflite", tmp_path / "sparse.tflite"
    dense.write_bytes(flatbuffer.serialize(tree))
    command = ["convert", str(dense), "-o", str(output)]
    for failing in ([*command, "--verify"], ["benchmark", str(dense)]):
        assert main(failing) == 3
        error = capsys.readouterr().err
        assert message in error and "without --verify" in error
        assert "\n" not in error[error.index("ubp: error") : -1]
    assert not output.exists()
    assert main(command) == 0


@pytest.fixture(scope="module")
def upscaler(tf: Any, make: Callable[..., bytes]) -> bytes:
    """A network of pictures of any size: two convolutions."""
    module = tf.Module()
    module.a = tf.constant(sparse((3, 3, 1, 64), 0))
    module.b = tf.constant(sparse((3, 3, 64, 64), 1))

    def run(x: Any) -> Any:
        return tf.nn.conv2d(tf.nn.relu(tf.nn.conv2d(x, module.a, 1, "SAME")), module.b, 1, "SAME")

    return make(module, {"run": (run, [tf.TensorSpec((1, None, None, 1))])})


def test_open_sizes_are_assumed_or_given(upscaler: bytes) -> None:
    assumed, given = ubp.convert(upscaler), ubp.convert(upscaler, shapes=[(1, 180, 180, 1)])
    tiny = ubp.convert(upscaler, shapes=[(1, 1, 1, 1)])
    assert assumed.input_shapes == ((1, 224, 224, 1),)
    assert given.input_shapes == ()
    assert [layer.taken for layer in assumed.report] == [False, True]
    assert [layer.taken for layer in given.report] == [False, True]
    assert [layer.taken for layer in tiny.report] == [False, False]
    assert tiny.model == upscaler
    assert given.report[1].macs == 180 * 180 * 9 * 64 * 64
    for wrong, message in (
        ([(1, 2)], "expected 4 sizes, such as"),
        ([], "0 input shapes are given for a model with 1 inputs"),
        ([(1, 0, 1, 1)], "expected for each input a sequence of whole numbers above 0"),
        ("1,2,3", "expected for each input a sequence of whole numbers"),
        ([(1, 8, 8, True)], "expected for each input a sequence of whole numbers"),
    ):
        with pytest.raises(ValueError, match=message):
            ubp.convert(upscaler, shapes=wrong)  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match=r"cannot be run on inputs of the shapes \(1, 8, 8, 3\)"):
        ubp.convert(upscaler, shapes=[(1, 8, 8, 3)])


def test_open_sizes_on_the_command_line(
    upscaler: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dense, converted = tmp_path / "dense.tflite", tmp_path / "sparse.tflite"
    dense.write_bytes(upscaler)
    command = ["convert", str(dense), "-o", str(converted), "--verify"]
    assert main(command) == 0
    assert "the model leaves sizes open: inputs of 1x224x224x1; --shape" in capsys.readouterr().out
    assert main([*command, "--force", "--shape", "1,40,30,1", "--measure"]) == 0
    assert "sizes open" not in capsys.readouterr().out
    pictures = [str(tmp_path / name) for name in ("a.png", "b.png")]
    for path, size in zip(pictures, ((30, 40), (17, 5)), strict=True):
        Image.new("L", size, 100).save(path)
    x = str(tmp_path / "x.npy")
    np.save(x, np.ones((2, 20, 18, 1), np.float32))
    for inputs in (pictures, [x]):
        assert main(["verify", str(dense), str(converted), "--inputs", *inputs]) == 0
        assert "over 2 samples" in capsys.readouterr().out
    timings = tmp_path / "timings.json"
    command = ["benchmark", str(dense), "--against", str(dense), "--rounds", "1"]
    assert main([*command, "--shape", "1,32,32,1", "--json", str(timings)]) == 0
    rows = json.loads(timings.read_text())["data"]["timings"]
    assert [row["model"] for row in rows] == [str(dense), f"{dense} (against)"]
    assert [row["delegate"] for row in rows] == [True, False]
    assert main([*command, "--shape", "1,32"]) == 3
    assert "expected 4 sizes" in capsys.readouterr().err


def test_an_ordinary_file_is_timed_with_the_delegate(upscaler: bytes, tmp_path: Path) -> None:
    dense, timings = tmp_path / "dense.tflite", tmp_path / "timings.json"
    dense.write_bytes(upscaler)
    command = ["benchmark", str(dense), "--shape", "1,32,32,1", "--rounds", "1", "--profile"]
    assert main([*command, "--json", str(timings)]) == 0
    (row,) = json.loads(timings.read_text())["data"]["timings"]
    assert row["delegate"] is True


def test_verify_takes_what_convert_takes(
    two_signatures: Callable[[int], bytes], tmp_path: Path
) -> None:
    dense, converted = tmp_path / "dense.tflite", tmp_path / "sparse.tflite"
    dense.write_bytes(two_signatures(1))
    ubp.convert(dense, min_speedup=0).save(converted)
    assert ubp.verify(str(dense), str(converted)).passed
    assert ubp.verify(dense, converted.read_bytes()).passed
    x = np.ones((1, SIZE, SIZE, CHANNELS), np.float32)
    np.save(tmp_path / "x.npy", x)
    assert ubp.verify(dense, converted, [str(tmp_path / "x.npy")]).passed
    with pytest.raises(ValueError, match="the inputs are 1 paths and 1 arrays; give either only"):
        ubp.verify(dense, converted, [tmp_path / "x.npy", x])  # type: ignore[list-item]
    for wrong in ({"runs": 0}, {"runs": True}, {"num_threads": 1.5}, {"tolerance": float("nan")}):
        with pytest.raises(ValueError, match="expected a"):
            ubp.verify(dense, converted, **wrong)
    with pytest.raises(ValueError, match=r"the path of one, or its bytes"):
        ubp.verify(3, converted)  # type: ignore[arg-type]
