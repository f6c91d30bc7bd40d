# SPDX-License-Identifier: Apache-2.0
"""Reading benchmark_model's result file, against bytes put together by hand."""

from __future__ import annotations

import struct

import pytest

from ubp.timing.android import parse_result


def tagged(number: int, wire_type: int) -> bytes:
    return bytes([number << 3 | wire_type])


def submessage(number: int, body: bytes) -> bytes:
    return tagged(number, 2) + bytes([len(body)]) + body


def floats(values: dict[int, float]) -> bytes:
    return b"".join(tagged(n, 5) + struct.pack("<f", value) for n, value in values.items())


# min, max, median, init; and the fields that are not read
LATENCY = {2: 1.0, 3: 4.0, 5: 2.5, 8: 30.0, 1: 2.6, 4: 0.5, 6: 1.5, 7: 3.5, 9: 3.0, 10: 2.0}
RUNS = submessage(4, tagged(2, 0) + bytes([0xAC, 0x02]))  # 300


def test_every_field() -> None:
    memory = submessage(3, tagged(2, 0) + bytes([0x80, 0x08]) + floats({3: 7.0}))
    name = submessage(1, b"name")
    result = parse_result(name + submessage(2, floats(LATENCY)) + memory + RUNS)
    assert (result.min_ms, result.median_ms, result.max_ms) == (1.0, 2.5, 4.0)
    assert (result.init_ms, result.num_runs, result.memory_kb) == (30.0, 300, 1024)


def test_memory_may_be_unknown() -> None:
    assert parse_result(submessage(2, floats(LATENCY)) + RUNS).memory_kb is None


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"Inference timings in us: 1", "no BenchmarkResult message"),
        (submessage(2, floats(LATENCY))[:-1], "no BenchmarkResult message"),
        (b"", "has no min_ms, max_ms, median_ms, init_ms"),
        (submessage(2, floats({2: 1.0, 3: 4.0, 8: 30.0})) + RUNS, "has no median_ms"),
        (submessage(2, floats(LATENCY)), "inconsistent: 0 runs"),
        (submessage(2, floats(LATENCY | {2: 0.0})) + RUNS, "inconsistent"),
        (submessage(2, floats(LATENCY | {2: 3.0})) + RUNS, "inconsistent"),
        (submessage(2, floats(LATENCY | {5: float("nan")})) + RUNS, "inconsistent"),
        (submessage(2, floats(LATENCY | {3: float("inf")})) + RUNS, "inconsistent"),
    ],
)
def test_damage_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_result(data)
