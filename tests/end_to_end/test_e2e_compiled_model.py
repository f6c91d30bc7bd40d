# SPDX-License-Identifier: Apache-2.0
"""LiteRT's CompiledModel with the delegate: the interpreter's results, bit by bit, or an error."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import compiled_model as litert
from ai_edge_litert.environment import Environment
from compiled_models import converted_stack, infer, pruned_stack
from interpreting import interpret

import ubp
from ubp.runtime import environment as environments
from ubp.runtime.decisions import delegate_report

IMAGES = np.random.default_rng(1).normal(size=(3, 16, 16, 64)).astype(np.float32)
IMAGE = IMAGES[:1]
MODELS = {"converted": converted_stack(), "ordinary": pruned_stack()}


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> bytes:
    return MODELS[request.param]


@pytest.fixture
def path(model: bytes, tmp_path: Path) -> Path:
    file = tmp_path / "model.tflite"
    file.write_bytes(model)
    return file


@pytest.mark.parametrize("threads", [1, 2, None])
def test_the_interpreters_results(model: bytes, path: Path, threads: int | None) -> None:
    (expected,) = interpret(ubp.Interpreter(model, threads), IMAGE)
    for source in (model, path, str(path)):
        compiled = ubp.CompiledModel(source, threads)
        for _ in range(2):
            np.testing.assert_array_equal(infer(compiled, IMAGE)[0], expected)


def test_what_is_taken(model: bytes) -> None:
    nodes = delegate_report(model).nodes
    compiled = ubp.CompiledModel(model)
    assert (compiled.nodes_taken, compiled.nodes) == (sum(n.taken for n in nodes), len(nodes))
    assert compiled.nodes_taken == 3
    assert compiled.is_fully_accelerated()
    left = ubp.CompiledModel(MODELS["ordinary"], sparse_from_dense="off")
    assert (left.nodes_taken, left.nodes) == (0, 3)
    assert left.is_fully_accelerated()  # XNNPACK's nodes count there


def test_resized(model: bytes) -> None:
    compiled, interpreter = ubp.CompiledModel(model, 2), ubp.Interpreter(model, 2)
    for batch in (1, 3, 2, 1):
        (expected,) = interpret(interpreter, IMAGES[:batch])
        np.testing.assert_array_equal(infer(compiled, IMAGES[:batch])[0], expected)


def test_litert_and_its_own_factories(model: bytes, path: Path) -> None:
    (expected,) = interpret(ubp.Interpreter(model), IMAGE)
    environment = ubp.litert_environment()
    options = litert.Options(cpu_options=litert.CpuOptions(num_threads=2))
    both = litert.HardwareAccelerator.GPU | litert.HardwareAccelerator.CPU
    for compiled in (
        litert.CompiledModel.from_file(str(path), environment=environment),
        litert.CompiledModel.from_buffer(model, environment=environment, options=options),
        litert.CompiledModel.from_buffer(model, both, environment),
        ubp.CompiledModel.from_file(path),
        ubp.CompiledModel.from_file(path, both),
        ubp.CompiledModel.from_buffer(model, environment=environment, options=options),
        ubp.CompiledModel(path, environment=environment),
    ):
        np.testing.assert_array_equal(infer(compiled, IMAGE)[0], expected)
        if isinstance(compiled, ubp.CompiledModel):
            assert compiled.nodes_taken == 3


def folder_with_the_delegate(tmp_path: Path) -> Path:
    """As docs/runtimes.md has users make it."""
    folder = tmp_path / "runtime"
    folder.mkdir()
    (folder / "libLiteRtGpuAccelerator.so").symlink_to(Path(ubp.delegate_path()).resolve())
    return folder


def test_litert_benchmark(path: Path, tmp_path: Path) -> None:
    folder = folder_with_the_delegate(tmp_path)
    tool = [sys.executable, "-m", "ai_edge_litert.tools.benchmark_litert_model", "--model", path]
    done = subprocess.run(
        [*tool, "--runtime_path", folder, "--num_runs", "3", "--num_threads", "2"],
        env=os.environ | {"UBP_DELEGATE_OPTIONS": "log:info"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "UBP delegate: INFO: took 3 of the model's 3 nodes." in done.stderr
    assert " 2 thread(s)" in done.stderr


def test_a_folder_of_the_users_own(path: Path, tmp_path: Path) -> None:
    folder = folder_with_the_delegate(tmp_path)
    program = f"""
import numpy as np, ubp
from ai_edge_litert.environment import Environment
from compiled_models import infer
from interpreting import interpret
environment = Environment.create(runtime_path={str(folder)!r})
model = ubp.CompiledModel({str(path)!r}, 2, environment=environment)
assert model.nodes_taken == 3
x = np.load({str(tmp_path / "x.npy")!r})
assert np.array_equal(infer(model, x), interpret(ubp.Interpreter({str(path)!r}), x))
"""
    np.save(tmp_path / "x.npy", IMAGE)
    found = [str(Path(ubp.__file__).parents[1]), str(Path(__file__).parents[1] / "python/shared")]
    variables = {"PYTHONPATH": os.pathsep.join(found), "UBP_DELEGATE_OPTIONS": "log:info;take:all"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "UBP delegate: INFO: took 3 of the model's 3 nodes." in done.stderr
    assert " 2 thread(s)" in done.stderr, "LiteRT's own number"


def test_options_are_the_environments(capfd: pytest.CaptureFixture[str]) -> None:
    quiet, loud = ubp.litert_environment(), ubp.litert_environment(log="info", num_threads=3)
    ubp.CompiledModel(MODELS["converted"], environment=quiet).create_input_buffers(0)
    assert "UBP delegate" not in capfd.readouterr().err
    infer(ubp.CompiledModel(MODELS["converted"], 2, environment=loud), IMAGE)
    assert " 3 thread(s)" in capfd.readouterr().err, "the option, and not LiteRT's number"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threads": 2}, "no option 'threads'"),
        ({"kernel": "sse9"}, "'kernel' is 'sse9'"),
        ({"sparse_from_dense": False}, "'sparse_from_dense' is False; expected text"),
    ],
)
def test_a_wrong_option(options: dict[str, str], message: str) -> None:
    for make in (ubp.litert_environment, lambda **each: ubp.CompiledModel(b"", **each)):
        with pytest.raises(ValueError, match=message) as error:
            make(**options)
        assert "\n" not in str(error.value)


def test_options_beside_an_environment_are_refused() -> None:
    with pytest.raises(ValueError, match="the options take are given beside environment"):
        ubp.CompiledModel(MODELS["converted"], environment=ubp.litert_environment(), take="all")


def test_a_delegate_that_cannot_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UBP_OPENCL_LIBRARY", "/no/such/library")
    with pytest.raises(ValueError, match=r"^backend=gpu: no OpenCL library.*\.$"):
        ubp.CompiledModel(MODELS["converted"], backend="gpu")


def test_an_environment_without_the_delegate() -> None:
    with pytest.raises(ValueError, match="the environment has no UBP accelerator"):
        ubp.CompiledModel(MODELS["ordinary"], environment=Environment.create())
    with pytest.raises(ValueError, match=r"environment is 3; expected one of ubp\.litert_env"):
        ubp.CompiledModel(MODELS["ordinary"], environment=3)


def test_a_folder_with_another_library(tmp_path: Path) -> None:
    (tmp_path / "libLiteRtGpuAccelerator.so").write_text("no library")
    environment = Environment.create(runtime_path=str(tmp_path))
    with pytest.raises(RuntimeError, match="is no UBP accelerator for LiteRT"):
        ubp.CompiledModel(MODELS["ordinary"], environment=environment)


def test_a_model_that_litert_compiles_without_the_delegate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As another version might: the file would run, and no faster than before."""
    plain, ours = Environment.create(), ubp.litert_environment()
    monkeypatch.setitem(environments._accelerators, plain, environments._accelerators[ours])
    with pytest.raises(RuntimeError, match="has compiled it without the UBP delegate"):
        ubp.CompiledModel(MODELS["ordinary"], environment=plain)


def test_a_litert_that_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environments, "litert_version", lambda: "2.1.6")
    for call in (ubp.litert_environment, lambda: ubp.CompiledModel(MODELS["ordinary"])):
        with pytest.raises(RuntimeError, match=r"this is LiteRT 2\.1\.6, .*2\.2 or later"):
            call()


def test_flipped_bits_in_the_packed_weights() -> None:
    data = MODELS["converted"]
    environment = ubp.litert_environment()
    refused = 0
    for position in np.linspace(len(data) // 4, len(data) - 1, 25).astype(int):
        damaged = bytearray(data)
        damaged[position] ^= 1 << (position % 8)
        try:
            result = infer(ubp.CompiledModel(bytes(damaged), environment=environment), IMAGE)
        except (RuntimeError, ValueError) as error:
            refused += "UbpConv2D" in str(error)
        else:
            assert np.isfinite(result).all()
    assert refused > 10


@pytest.mark.parametrize("length", [0, 3, 100, -100])
def test_files_that_are_cut_short(path: Path, length: int) -> None:
    path.write_bytes(path.read_bytes()[:length])
    for source in (path, path.read_bytes()):
        with pytest.raises((ValueError, RuntimeError)) as error:
            infer(ubp.CompiledModel(source), IMAGE)
        assert "\n" not in str(error.value)


def test_missing_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.tflite: no such file"):
        ubp.CompiledModel(tmp_path / "none.tflite")
    with pytest.raises(IsADirectoryError):
        ubp.CompiledModel.from_file(tmp_path)


def test_fifty_loads(model: bytes) -> None:
    """Nothing stays behind: no threads, files, folders or mappings."""
    (expected,) = interpret(ubp.Interpreter(model), IMAGE)

    def used() -> tuple[int, int, int]:
        gc.collect()
        folders = list(Path(tempfile.gettempdir()).glob("ubp_litert_*"))
        tasks, files = Path("/proc/self/task"), Path("/proc/self/fd")
        return len(list(tasks.iterdir())), len(list(files.iterdir())), len(folders)

    before = ()
    for load in range(50):
        compiled = ubp.CompiledModel(model, 2)
        np.testing.assert_array_equal(infer(compiled, IMAGE)[0], expected)
        del compiled
        if load == 5:
            before = used()
    assert used() <= before
    assert len(environments._accelerators) == 0


def test_the_environment_deleted_first(model: bytes) -> None:
    environment = ubp.litert_environment()
    compiled = ubp.CompiledModel(model, environment=environment)
    stock = litert.CompiledModel.from_buffer(model, environment=environment)
    (before,) = infer(compiled, IMAGE)
    del environment
    gc.collect()
    for each in (compiled, stock):
        np.testing.assert_array_equal(infer(each, IMAGE)[0], before)
    buffers = compiled.create_output_buffers(0)
    compiled.close()
    del compiled, stock, each
    gc.collect()
    del buffers
    gc.collect()


def test_several_at_once(model: bytes) -> None:
    (expected,) = interpret(ubp.Interpreter(model), IMAGE)
    environment = ubp.litert_environment()

    def work(threads: int) -> bool:
        compiled = ubp.CompiledModel(model, threads, environment=environment)
        return all(np.array_equal(infer(compiled, IMAGE)[0], expected) for _ in range(5))

    with ThreadPoolExecutor(3) as executor:
        assert all(executor.map(work, [1, 2, 3]))
