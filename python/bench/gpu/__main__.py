# SPDX-License-Identifier: Apache-2.0
"""Layers and networks on a GPU, against dense ones, CLBlast and the CPU: `./run bench gpu`."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from bench.gpu.cases import LAYERS, QUICK_LAYERS, Choice, read_cases, write_cases
from bench.gpu.report import (
    LAYER_HEADINGS,
    NETWORK_HEADINGS,
    Device,
    Report,
    Result,
    by_name,
    draw,
    layer_cells,
    network_cells,
    values,
)
from bench.harness.command import Command, names_of, now, numbers, rounds
from bench.harness.machine import Machine
from bench.harness.networks import FULL, NETWORKS, QUICK
from bench.harness.results import ResultFolder, from_json
from bench.harness.table import terminal_table
from ubp.progress import ProgressBar

_SPARSITIES, _BLOCK_SIZES, _BATCHES = [80, 90, 95], [4, 8], [1, 32]
_ROUNDS, _QUICK_ROUNDS = 10, 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.prepare is None:
        return _COMMAND.main(parser, arguments)
    cases = write_cases(_choice(options), options.prepare)
    print(f"Wrote {len(cases)} cases to {options.prepare}; measure them by --cases.")
    return 0


def _choice(options: argparse.Namespace) -> Choice:
    quick = options.quick
    names = options.networks or (QUICK if quick else FULL)
    return Choice(
        layers=QUICK_LAYERS if quick else LAYERS,
        networks=[NETWORKS[name] for name in names],
        sparsities=options.sparsity or (_SPARSITIES[:1] if quick else _SPARSITIES),
        block_sizes=_BLOCK_SIZES[:1] if quick else _BLOCK_SIZES,
        batches=options.batch or (_BATCHES[:1] if quick else _BATCHES),
    )


def _measure(options: argparse.Namespace, folder: ResultFolder, console: Console) -> Report:
    cases = options.cases
    if cases is None:
        cases = folder.cache
        console.print("Building the models ...")
        write_cases(_choice(options), cases)
    date = now()
    number = options.rounds or (_QUICK_ROUNDS if options.quick else _ROUNDS)
    answers = _ask(options, cases, number)
    device = from_json(Device, next(answers))
    report = Report(date, Machine.this(), device, number, [])
    with ProgressBar(total=len(read_cases(cases)), unit="case") as bar:
        for answer in answers:
            report.results.append(from_json(Result, answer))
            folder.save(report)  # an interrupted run keeps what it has measured
            bar.update()
    return report


def _ask(options: argparse.Namespace, cases: Path, number: int) -> Iterator[dict[str, Any]]:
    """What a process of its own answers, into which no TensorFlow is loaded: PoCL does not bear it.

    Raises:
        RuntimeError: if it fails.
    """
    command = [sys.executable, "-m", "bench.gpu.measure", str(cases), f"--rounds={number}"]
    command += [f"--device={options.device}", f"--precision={options.precision}"]
    command += ["--tune"] if options.tune else []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            yield json.loads(line)
    if process.returncode:
        raise RuntimeError(f"measuring ended with status {process.returncode}; see above.")


def _show(report: Report, console: Console) -> None:
    for kind, headings, cells in (
        ("layer", LAYER_HEADINGS, layer_cells),
        ("network", NETWORK_HEADINGS, network_cells),
    ):
        groups = by_name(report.of(kind))
        rows = [[cells(report, result) for result in group] for group in groups]
        console.print(terminal_table(headings, rows))
    device = report.device
    console.print(f"{device.name}: {device.peak_gmacs:.0f} GMAC/s at most.")
    if device.is_cpu:
        console.print("This is no GPU: these times say nothing about one.")


def _parser() -> argparse.ArgumentParser:
    parser = _COMMAND.parser(
        "Time convolutions and networks on an OpenCL device, dense and pruned, against each other, "
        "CLBlast and the CPU.",
        files=", gpu.png and the models (some hundreds of MB)",
        quick="one small layer and network: shows that all works, not how fast",
    )
    parser.add_argument(
        "--prepare", type=Path, metavar="DIR", help="write the models there, and measure nothing"
    )
    parser.add_argument(
        "--cases", type=Path, metavar="DIR", help="measure what --prepare has written"
    )
    parser.add_argument(
        "--networks",
        type=names_of("network", NETWORKS),
        metavar="NAME,...",
        help=f"of {', '.join(NETWORKS)} (default: {', '.join(FULL)})",
    )
    parser.add_argument(
        "--sparsity", type=numbers(1, 99), metavar="PERCENT,...", help="(default: 80,90,95)"
    )
    parser.add_argument(
        "--batch", type=numbers(1, 1024), metavar="N,...", help="images (default: 1,32)"
    )
    parser.add_argument("--device", default="", help="part of its name (default: the first GPU)")
    parser.add_argument(
        "--precision",
        choices=("fp32", "fp16_storage", "fp16"),
        default="fp32",
        help="of the delegate (default: fp32)",
    )
    parser.add_argument("--tune", action="store_true", help="with the delegate's gpu_tune:on")
    parser.add_argument(
        "--rounds", type=rounds, metavar="N", help=f"of each network (default: {_ROUNDS})"
    )
    return parser


_COMMAND = Command(
    name="gpu",
    report=Report,
    measure=_measure,
    show=_show,
    values=values,
    draw=draw,
    picture_in_docs=True,
    text_width=120,
)


if __name__ == "__main__":
    sys.exit(main())
