# SPDX-License-Identifier: Apache-2.0
"""Results and reports that the tests of the benchmarks share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.harness import command, page
from bench.harness.machine import Machine
from bench.harness.results import ResultFolder
from bench.kernels.layers import LayerShape
from bench.kernels.report import LayerResult
from bench.kernels.report import Report as LayerReport
from bench.models.memory import Memory
from bench.models.report import PeerResult, Report, Result

MACHINE = Machine(
    "A Processor", 2, ["avx2"], "Linux x86_64", {"python": "3.11.2", "ubp": "0.1.0"}, 64 * "a"
)
DATE = "2026-01-02T03:04:05+00:00"
MIB = 2**20
LAYER = LayerShape(14, 14, 512, 512)


def result(
    network: str = "MobileNet",
    sparsity: int = 80,
    threads: int = 1,
    xnnpack: tuple[float, ...] = (10.0, 20.0, 30.0),
    ubp: tuple[float, ...] = (5.0, 5.0, 5.0),
    peers: dict[str, tuple[float, ...]] | None = None,
) -> Result:
    return Result(
        network=network,
        input_size=224,
        sparsity=sparsity,
        threads=threads,
        converted_layers=13,
        dense_bytes=17_000,
        ubp_bytes=7_000,
        relative_error=2e-6,
        xnnpack_memory=Memory(44 * MIB, 42 * MIB),
        ubp_memory=Memory(25 * MIB, 23 * MIB),
        xnnpack_rounds_ms=[*xnnpack],
        ubp_rounds_ms=[*ubp],
        peers={name: PeerResult(1e-6, [*rounds]) for name, rounds in (peers or {}).items()},
    )


def report(*results: Result, notes: tuple[str, ...] = ()) -> Report:
    blocks = {each.network: 10 for each in results}
    peers = {name: f"how {name} runs" for each in results for name in each.peers}
    return Report(DATE, MACHINE, 4, 0, 3, blocks, peers, [*notes], [*results])


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


def measured_now(monkeypatch: pytest.MonkeyPatch, delegate: str) -> None:
    """Has this be the SHA-256 of the library that is built."""
    monkeypatch.setattr(command, "library_digest", lambda library: delegate)


def written_page(
    main: Callable[[list[str]], int],
    name: str,
    report: Any,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    """The page that a benchmark's command makes of a report."""
    monkeypatch.setattr(page, "DOCS", folder)
    measured_now(monkeypatch, report.machine.delegate)
    ResultFolder(folder, name).save(report)
    assert main(["--write-docs", "--output", str(folder)]) == 0
    text = (folder / "performance.md").read_text()
    assert text.splitlines()[7] == f"<!-- ./run bench {name} -->"
    return text
