# SPDX-License-Identifier: Apache-2.0
"""The stock benchmark_model on a device: its flags, one process of it, and what that measures.

The file that it writes with --result_file_path is one protocol buffer, `BenchmarkResult` of
LiteRT's tools/benchmark/proto (LiteRT 2.1 and later). The fields used here are declared below by
name, number and type.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from ubp.timing.android.device import Device, check_abi

_PROTO_PACKAGE = "tflite.tools.benchmark"
_FLOAT = descriptor_pb2.FieldDescriptorProto.TYPE_FLOAT
_INT32 = descriptor_pb2.FieldDescriptorProto.TYPE_INT32
_INT64 = descriptor_pb2.FieldDescriptorProto.TYPE_INT64
_MESSAGE = descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE

# message: (field, number, type, type of message)
_MESSAGES: dict[str, list[tuple[str, int, Any, str | None]]] = {
    "LatencyMetrics": [
        ("min_ms", 2, _FLOAT, None),
        ("max_ms", 3, _FLOAT, None),
        ("median_ms", 5, _FLOAT, None),
        ("init_ms", 8, _FLOAT, None),
    ],
    "MemoryMetrics": [("overall_footprint_kb", 2, _INT64, None)],
    "MiscMetrics": [("num_runs", 2, _INT32, None)],
    "BenchmarkResult": [
        ("latency_metrics", 2, _MESSAGE, "LatencyMetrics"),
        ("memory_metrics", 3, _MESSAGE, "MemoryMetrics"),
        ("misc_metrics", 4, _MESSAGE, "MiscMetrics"),
    ],
}
_REQUIRED = ("min_ms", "max_ms", "median_ms", "init_ms")


@dataclass(frozen=True)
class Effort:
    """What a process measures at least, and for how long it warms up before.

    By default caches are warm and the clock has risen by then.
    """

    runs: int = 10
    seconds: float = 1.0
    warm_up_seconds: float = 0.5


@dataclass(frozen=True)
class RunResult:
    """One process of benchmark_model.

    median_ms, min_ms, max_ms: over its inferences.
    init_ms: until the interpreter was ready.
    num_runs: inferences measured.
    memory_kb: growth of the process from loading the model to the end, in KiB; None where the tool
        does not know.
    kernel: the name of the delegate's kernels; "" without it.
    """

    median_ms: float
    min_ms: float
    max_ms: float
    init_ms: float
    num_runs: int
    memory_kb: int | None
    kernel: str = ""


class BenchmarkModel:
    """benchmark_model as it lies on a device.

    Args:
        device: where to run it.
        program, delegate: their paths there.
        folder: where result files go, on the device.
        effort: of each process.
    """

    def __init__(
        self, device: Device, program: str, delegate: str, folder: str, effort: Effort
    ) -> None:
        self.folder = folder
        self._device, self._program, self._delegate = device, program, delegate
        self._effort = effort
        self._names = (f"{folder}/{index}" for index in count())

    def run_xnnpack(self, model: str, threads: int, runs: int | None = None) -> RunResult:
        """Time a model in XNNPACK.

        Args:
            model: its path on the device.
            threads: how many.
            runs: inferences at least, where they are not those of the effort.

        Raises:
            RuntimeError: if the program fails or does not write a result.
            ValueError: if the result is damaged.
        """
        return self._run(model, threads, ["--use_xnnpack=true"], runs)

    def run_delegate(
        self,
        model: str,
        threads: int,
        options: Mapping[str, str] | None = None,
        runs: int | None = None,
        may_take_none: bool = False,
    ) -> RunResult:
        """Time a model with the UBP delegate; what that leaves runs in XNNPACK.

        Args:
            model: its path on the device.
            threads: how many, for both.
            options: more of the delegate's, such as {"backend": "gpu"}.
            runs: as of `run_xnnpack`.
            may_take_none: whether the delegate may leave all of the model.

        Raises:
            RuntimeError: as `run_xnnpack`, and if the delegate was not loaded or took nothing.
            ValueError: as `run_xnnpack`.
        """
        report = next(self._names)
        # benchmark_model keeps its own number of threads from external delegates. It goes on
        # without a delegate that it cannot load; the report tells.
        pairs = {"num_threads": threads, "report": report, **(options or {})}
        text = ";".join(f"{key}:{value}" for key, value in pairs.items())
        flags = [
            f"--external_delegate_path={self._delegate}",
            f"--external_delegate_options={text}",
        ]
        not_loaded = (
            f"benchmark_model ran without the delegate: it could not load {self._delegate}"
            f"{_with(options)}; its messages on the device (adb logcat) say why."
        )
        try:
            result = self._run(model, threads, flags, runs)
        except RuntimeError as error:
            # A converted model fails without the delegate, which may have missed the GPU alone.
            if options and not self._device.has_file(report):
                raise RuntimeError(not_loaded) from error
            raise
        if not self._device.has_file(report):
            raise RuntimeError(not_loaded)
        decided = json.loads(self._device.read(report))
        nodes = [node for subgraph in decided["subgraphs"] for node in subgraph]
        if not may_take_none and not any(node["taken"] for node in nodes):
            raise RuntimeError(
                f"the delegate took none of the {len(nodes)} nodes of {model}: the model is not "
                "pruned, or has too few zeros to gain from."
            )
        return replace(result, kernel=decided["kernel"])

    def _run(self, model: str, threads: int, flags: list[str], runs: int | None) -> RunResult:
        result, effort = next(self._names), self._effort
        self._device.shell(
            self._program,
            f"--graph={model}",
            f"--num_threads={threads}",
            f"--num_runs={runs or effort.runs}",
            f"--min_secs={effort.seconds}",
            f"--warmup_min_secs={effort.warm_up_seconds}",
            f"--result_file_path={result}",
            *flags,
        )
        if not self._device.has_file(result):
            raise RuntimeError(
                f"{self._program} wrote no result; it must know --result_file_path, as the "
                "benchmark_model of LiteRT 2.1 and later does."
            )
        return parse_result(self._device.read(result))


@contextmanager
def tool_on(
    device: Device, delegate: Path, program: str, effort: Effort | None = None
) -> Iterator[BenchmarkModel]:
    """benchmark_model and the delegate, copied to a device, and removed again.

    Args:
        device: where.
        delegate: libubp_delegate.so, built for the device.
        program: benchmark_model: a file here, which is copied, or else a path on the device.
        effort: of each process.

    Raises:
        FileNotFoundError: if a file does not exist.
        ValueError: if the delegate is built for another kind of device.
        RuntimeError: if something cannot be copied.
    """
    if not delegate.is_file():
        raise FileNotFoundError(f"{delegate}: no such file.")
    check_abi(delegate, device.abis())
    if not Path(program).is_file() and not device.has_file(program):
        raise FileNotFoundError(
            f"{program}: no such file, neither here nor on the device; give the path of "
            "benchmark_model."
        )
    with device.folder() as folder:
        if Path(program).is_file():
            device.push(Path(program), f"{folder}/benchmark_model")
            program = f"{folder}/benchmark_model"
            device.shell("chmod", "755", program)
        device.push(delegate, f"{folder}/libubp_delegate.so")
        yield BenchmarkModel(
            device, program, f"{folder}/libubp_delegate.so", folder, effort or Effort()
        )


def _with(options: Mapping[str, str] | None) -> str:
    """The options in a sentence."""
    return "".join(f" with {key}:{value}" for key, value in (options or {}).items())


def parse_result(data: bytes) -> RunResult:
    """Read a result file's bytes.

    Raises:
        ValueError: if they are no BenchmarkResult, or its times are missing or impossible.
    """
    message = _BenchmarkResult()
    try:
        message.ParseFromString(data)
    except DecodeError as error:
        raise ValueError("benchmark_model's result file is no BenchmarkResult message.") from error
    latency, runs = message.latency_metrics, message.misc_metrics.num_runs
    missing = [name for name in _REQUIRED if not latency.HasField(name)]
    if missing:
        raise ValueError(f"benchmark_model's result file has no {', '.join(missing)}.")
    if not 0 < latency.min_ms <= latency.median_ms <= latency.max_ms < math.inf or runs < 1:
        raise ValueError(
            f"benchmark_model's result file is inconsistent: {runs} runs took {latency.min_ms} to "
            f"{latency.max_ms} ms, median {latency.median_ms} ms."
        )
    memory = message.memory_metrics
    known = memory.HasField("overall_footprint_kb")
    return RunResult(
        median_ms=latency.median_ms,
        min_ms=latency.min_ms,
        max_ms=latency.max_ms,
        init_ms=latency.init_ms,
        num_runs=runs,
        memory_kb=memory.overall_footprint_kb if known else None,
    )


def _result_class() -> Any:
    file = descriptor_pb2.FileDescriptorProto(
        name="benchmark_result.proto", package=_PROTO_PACKAGE, syntax="proto2"
    )
    for message, fields in _MESSAGES.items():
        declared = file.message_type.add(name=message)
        for name, number, kind, of in fields:
            field = declared.field.add(name=name, number=number, type=kind)
            field.label = descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL
            if of is not None:
                field.type_name = f".{_PROTO_PACKAGE}.{of}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    descriptor = pool.FindMessageTypeByName(f"{_PROTO_PACKAGE}.BenchmarkResult")
    return message_factory.GetMessageClass(descriptor)


_BenchmarkResult = _result_class()
