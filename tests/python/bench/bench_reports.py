"""A report that the tests of the benchmarks share."""

from __future__ import annotations

from bench.harness.machine import Machine
from bench.layers.report import LayerResult
from bench.layers.report import Report as LayerReport
from bench.layers.shapes import LayerShape
from bench.networks.report import Report, Result

MACHINE = Machine(
    "A Processor", 2, ["avx2"], "Linux x86_64", {"python": "3.11.2", "ubp": "0.1.0"}, 64 * "a"
)
DATE = "2026-01-02T03:04:05+00:00"
LAYER = LayerShape(14, 14, 512, 512)


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


def layer_result(
    layer: LayerShape = LAYER,
    family: str = "avx512",
    threads: int = 1,
    block_size: int = 4,
    sparsity: int = 80,
    to_aligned: float | None = 1.02,
    peak_share: float = 0.75,
    speedup: float = 4.0,
) -> LayerResult:
    return LayerResult(
        layer=layer,
        networks=["MobileNet"],
        family=family,
        threads=threads,
        block_size=block_size,
        sparsity=sparsity,
        multiply_adds=10_000_000,
        unaligned_us=100.0,
        aligned_us=None if to_aligned is None else 100.0 / to_aligned,
        xnnpack_us=100.0 * speedup,
        to_aligned=to_aligned,
        peak_share=peak_share,
        speedup=speedup,
    )


def layer_report(*results: LayerResult) -> LayerReport:
    peaks = {f"{each.family}, {each.threads} threads": 250.0 for each in results}
    return LayerReport(DATE, MACHINE, 3, peaks, [*results])
