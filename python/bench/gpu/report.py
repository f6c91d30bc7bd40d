# SPDX-License-Identifier: Apache-2.0
"""What one run measures, as data, as rows of tables, as a picture and as a section of the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from bench.gpu.cases import DENSE, Case
from bench.harness.machine import Machine
from bench.harness.picture import draw_groups, name_series, save
from bench.harness.statistics import Spread

LAYER_HEADINGS = (
    "layer", "batch", "weights", "GPU us", "share of peak", "speed-up", "CPU us", "CLBlast us"
)  # fmt: skip
NETWORK_HEADINGS = (
    "network", "batch", "weights", "GPU ms", "kernels ms", "launches", "speed-up", "CPU ms",
    "XNNPACK ms",
)  # fmt: skip


@dataclass(frozen=True)
class Device:
    """The device that was measured.

    peak_gmacs: its float multiply-adds, thousands of millions a second, measured by a loop of them.
    precision, tuned: the delegate's options.
    """

    name: str
    peak_gmacs: float
    precision: str
    tuned: bool

    @property
    def is_cpu(self) -> bool:
        """Whether it is PoCL, whose times say nothing."""
        return self.name.startswith(("pthread", "cpu"))


@dataclass(frozen=True)
class Result:
    """One case.

    kernels_us: of the device, by its events: of a layer its kernel, the least of the runs; of a
        network all kernels.
    cpu_us: the delegate on the CPU, one thread: the layer's step, or a whole inference.
    xnnpack_us, inference_us, launches: of a network: XNNPACK, one thread, on the same weights; a
        whole inference on the GPU, upload and download included; its kernels.
    clblast_us: the same product by CLBlast; of large dense 1x1 layers.
    """

    case: Case
    kernels_us: float
    cpu_us: float
    xnnpack_us: float | None = None
    inference_us: float | None = None
    launches: int | None = None
    clblast_us: float | None = None


@dataclass(frozen=True)
class Report:
    """One run of the benchmark.

    date: when it began, ISO 8601, UTC.
    """

    date: str
    machine: Machine
    device: Device
    rounds: int
    results: list[Result]

    def of(self, kind: str) -> list[Result]:
        """The results of layers, or of networks."""
        return [result for result in self.results if result.case.kind == kind]

    def speedup(self, result: Result) -> float | None:
        """Against the dense kernels of the same case on the device; None of a dense one."""
        case = result.case
        if case.sparsity == DENSE:
            return None
        for other in self.results:
            same = (other.case.name, other.case.batch) == (case.name, case.batch)
            if same and other.case.sparsity == DENSE:
                return _time(other) / _time(result)
        return None

    def share_of_peak(self, result: Result) -> float:
        """Multiply-adds of the weights that are kept, over what the device could do meanwhile."""
        case = result.case
        kept = case.multiply_adds * case.batch * (1 - case.sparsity / 100)
        return kept / (result.kernels_us * 1e3 * self.device.peak_gmacs)


def _time(result: Result) -> float:
    return result.kernels_us if result.inference_us is None else result.inference_us


def layer_cells(report: Report, result: Result) -> list[str]:
    """One row under LAYER_HEADINGS."""
    case = result.case
    return [
        case.name,
        str(case.batch),
        case.weights,
        f"{result.kernels_us:.1f}",
        f"{100 * report.share_of_peak(result):.0f}%",
        _times(report.speedup(result)),
        f"{result.cpu_us:.0f}",
        "" if result.clblast_us is None else f"{result.clblast_us:.1f}",
    ]


def network_cells(report: Report, result: Result) -> list[str]:
    """One row under NETWORK_HEADINGS."""
    case = result.case
    return [
        case.name,
        str(case.batch),
        case.weights,
        _ms(result.inference_us),
        _ms(result.kernels_us),
        str(result.launches),
        _times(report.speedup(result)),
        _ms(result.cpu_us),
        _ms(result.xnnpack_us),
    ]


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.2f}x"


def _ms(us: float | None) -> str:
    return "" if us is None else f"{us / 1e3:.2f}"


def by_name(results: Sequence[Result]) -> list[list[Result]]:
    """The sections of a table."""
    key = lambda result: (result.case.name, result.case.batch)  # noqa: E731
    return [list(group) for _, group in groupby(sorted(results, key=key), key=key)]


def draw(path: Path, report: Report) -> None:
    """Speed-ups of layers over the own dense kernel, for each batch; overwrites the file."""
    layers = [each for each in report.of("layer") if each.case.sparsity != DENSE]
    batches = sorted({each.case.batch for each in layers})
    figure = Figure(figsize=(12, 4 * max(1, len(batches))), layout="constrained")
    for index, batch in enumerate(batches):
        axes = figure.add_subplot(len(batches), 1, index + 1)
        shown = [each for each in layers if each.case.batch == batch and not each.case.aligned]
        names = list(dict.fromkeys(each.case.name for each in shown))
        series: dict[str, dict[Any, Spread]] = {}
        for each in shown:
            ratio = report.speedup(each) or 0.0
            series.setdefault(each.case.weights, {})[each.case.name] = Spread(ratio, ratio, ratio)
        draw_groups(axes, names, series, line=1.0)
        axes.set_xticks(range(len(names)), names)
        axes.set_ylabel(f"speed-up over dense, batch {batch}")
        if index == 0:
            name_series(figure, axes)
    figure.suptitle(f"{report.device.name}, {report.date[:10]}", fontsize=10, x=0.99, ha="right")
    save(figure, path)


def values(report: Report) -> dict[str, Any]:
    """For the template.

    Raises:
        ValueError: if the report is of no GPU.
    """
    if report.device.is_cpu:
        raise ValueError(
            f"the results are of {report.device.name}, which is no GPU: its times say nothing; "
            "run this where there is one."
        )
    return {
        "layer_headings": LAYER_HEADINGS,
        "layers": [layer_cells(report, each) for each in report.of("layer")],
        "network_headings": NETWORK_HEADINGS,
        "networks": [network_cells(report, each) for each in report.of("network")],
    }
