"""A report that the tests of the benchmarks share."""

from __future__ import annotations

from bench.harness.machine import Machine
from bench.networks.report import Report, Result

MACHINE = Machine(
    "A Processor", 2, ["avx2"], "Linux x86_64", {"python": "3.11.2", "ubp": "0.1.0"}, 64 * "a"
)


def result(
    network: str = "MobileNet",
    sparsity: int = 80,
    threads: int = 1,
    xnnpack: tuple[float, ...] = (10.0, 20.0, 30.0),
    ubp: tuple[float, ...] = (5.0, 5.0, 5.0),
) -> Result:
    return Result(network, 224, sparsity, threads, 13, 17_000, 7_000, 2e-6, [*xnnpack], [*ubp])


def report(*results: Result) -> Report:
    blocks = {each.network: 10 for each in results}
    return Report("2026-01-02T03:04:05+00:00", MACHINE, 4, 0, 3, blocks, [*results])
