"""The commands that time models: ubp benchmark, ubp android-benchmark."""

from __future__ import annotations

import argparse
import csv
import io
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from ubp.cli_common import add_command, console
from ubp.output import check_output, write_output

if TYPE_CHECKING:
    from ubp.runtime import BenchmarkResult


_PROFILED_RUNS = 10  # for each round of the benchmark, as many as in its blocks


def _benchmark(options: argparse.Namespace) -> int:
    from ubp.runtime import benchmark, delegate_profile

    if options.calibrate is not None:
        return _calibrate(options)
    if options.model is None:
        raise ValueError("name the .tflite file to time, or a file to write with --calibrate.")
    _check_outputs(options)
    if options.profile and not _is_converted(options.model):
        raise ValueError(
            f"--profile shows what the delegate runs, but {options.model} is not converted and "
            "runs without it; convert it with 'ubp convert'."
        )
    paths = [path for path in (options.model, options.against) if path is not None]
    against = None if options.against is None else str(options.against)
    rows = []
    for threads in options.threads:
        interpreters = {str(path): _interpreter(path, threads) for path in paths}
        timed = _rows(benchmark(interpreters, options.rounds), threads, against)
        if options.profile:  # in inferences of its own, so that the timings are those without
            runs = options.rounds * _PROFILED_RUNS
            timed[0]["profile"] = delegate_profile(options.model, runs, threads)
        rows += timed
    _show(rows, options)
    return 0


def _calibrate(options: argparse.Namespace) -> int:
    from ubp.convert.calibrate import calibrate

    check_output(options.calibrate, options.force)
    costs = calibrate()
    write_output(options.calibrate, costs.to_json(), options.force)
    table = Table(header_style="bold", pad_edge=False)
    for heading in ("N", "block", "block, one pixel"):
        table.add_column(heading, justify="right")
    for n in costs.block:
        table.add_row(str(n), f"{costs.block[n]:.2f}", f"{costs.single[n]:.2f}")
    console().print(table)
    print(f"in multiply-adds of the dense kernel; changing a value's layout: {costs.transpose:.2f}")
    print(
        f"wrote {options.calibrate}; predict with it by 'ubp convert --costs {options.calibrate}'"
    )
    return 0


def _android_benchmark(options: argparse.Namespace) -> int:
    from ubp.android import Device, DeviceBenchmark

    _check_outputs(options)
    rows = []
    with DeviceBenchmark(
        Device(options.serial),
        options.model,
        options.delegate,
        options.benchmark_model,
        options.against,
    ) as benchmark:
        against = None if options.against is None else benchmark.against_name
        for threads in options.threads:
            rows += _rows(benchmark.run(threads, options.rounds), threads, against)
    _show(rows, options)
    return 0


def _interpreter(path: Path, threads: int) -> Any:
    """The interpreter for a model: with the delegate if it is converted, otherwise as it comes."""
    from ai_edge_litert.interpreter import Interpreter as StandardInterpreter

    from ubp.convert.files import read_tflite
    from ubp.runtime import Interpreter

    if _is_converted(path):
        return Interpreter(read_tflite(path), threads)
    return StandardInterpreter(model_content=read_tflite(path), num_threads=threads)


def _is_converted(path: Path) -> bool:
    from ubp.convert import flatbuffer
    from ubp.convert.files import read_tflite
    from ubp.convert.find import is_converted

    return is_converted(flatbuffer.parse(read_tflite(path), str(path)))


def _rows(result: BenchmarkResult, threads: int, against: str | None) -> list[dict[str, Any]]:
    """One row for each model, with its speed-up over `against` if there is one."""
    rows = []
    for name, timing in result.timings.items():
        row = {"model": name, "threads": threads, **vars(timing)}
        if against is not None:
            row["speedup"] = result.speedup(name, against)
        rows.append(row)
    return rows


def _check_outputs(options: argparse.Namespace) -> None:
    for path in (options.json, options.csv):
        if path is not None:
            check_output(path, options.force)


def _show(rows: list[dict[str, Any]], options: argparse.Namespace) -> None:
    """Write the rows to the --json and --csv files, and print the tables."""
    from ubp.runtime.profile import print_profile

    if options.csv is not None:
        write_output(options.csv, _csv(rows), options.force)
    if options.json is not None:
        write_output(options.json, json.dumps(rows, indent=2, default=asdict) + "\n", options.force)
    _print_timings(rows)
    for row in rows:
        if "profile" in row:
            print_profile(row["profile"], console())


def _csv(rows: list[dict[str, Any]]) -> str:
    text = io.StringIO(newline="")
    fields = [key for key in rows[0] if key != "profile"]
    writer = csv.DictWriter(text, fields, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _print_timings(rows: list[dict[str, Any]]) -> None:
    table = Table(header_style="bold", pad_edge=False)
    table.add_column("model", overflow="fold")
    for heading in ("threads", "median ms", "p10", "p90", "speed-up"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        times = (f"{row[key]:.3f}" for key in ("median_ms", "p10_ms", "p90_ms"))
        speedup = f"{row['speedup']:.2f}x" if "speedup" in row else ""
        table.add_row(row["model"], str(row["threads"]), *times, speedup)
    console().print(table)


def _threads(text: str) -> list[int]:
    counts = [int(part) if part.isdecimal() else 0 for part in text.split(",")]
    if min(counts) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no list of thread counts such as 1,2")
    return counts


def _add_benchmark(commands: Any) -> None:
    parser = add_command(
        commands,
        "benchmark",
        _benchmark,
        "time a model, and another one against it.\n\n"
        "A converted model runs with the UBP delegate, any other in the standard interpreter as\n"
        "it comes (XNNPACK). Both alternate in blocks of ten inferences; the speed-up is the\n"
        "median of the blocks' ratios.",
        "  ubp benchmark sparse.tflite --against dense.tflite --threads 1,2\n"
        "  ubp benchmark sparse.tflite --profile\n"
        "  ubp benchmark --calibrate costs.json",
    )
    parser.add_argument("model", type=Path, nargs="?", help="the .tflite file to time")
    _add_timing_arguments(parser, rounds=30, unit="blocks")
    parser.add_argument(
        "--profile",
        action="store_true",
        help="also run the converted model with each step of the delegate timed, and show them; "
        "--json has them as well",
    )
    parser.add_argument(
        "--calibrate",
        type=Path,
        metavar="FILE",
        help="instead measure what single layers cost on this machine, about half a minute, and "
        "write it for 'ubp convert --costs'",
    )


def _add_android_benchmark(commands: Any) -> None:
    parser = add_command(
        commands,
        "android-benchmark",
        _android_benchmark,
        "time a model on an Android device, and another one against it.\n\n"
        "adb copies everything to the device; benchmark_model runs the model with the UBP\n"
        "delegate and the other one in XNNPACK, by turns in processes of a second or more. The\n"
        "times are of the processes' medians; the speed-up is the median of the rounds' ratios.\n"
        "benchmark_model must be of LiteRT 2.1 or later. android/README.md explains all of it.",
        "  ubp android-benchmark sparse.tflite --against dense.tflite --threads 1,2 \\\n"
        "      --delegate libubp_delegate.so --benchmark-model benchmark_model",
    )
    parser.add_argument("model", type=Path, help="the .tflite file to time")
    _add_timing_arguments(parser, rounds=10, unit="processes")
    parser.add_argument(
        "--delegate", type=Path, required=True, help="libubp_delegate.so, built for the device"
    )
    parser.add_argument(
        "--benchmark-model", required=True, help="its path here, or else on the device"
    )
    parser.add_argument("--serial", help="which device, as 'adb devices' lists them")


def _add_timing_arguments(parser: argparse.ArgumentParser, rounds: int, unit: str) -> None:
    parser.add_argument("--against", type=Path, help="a .tflite file to compare with")
    parser.add_argument(
        "--threads", type=_threads, default=[1], help="numbers of threads, such as 1,2 (default: 1)"
    )
    parser.add_argument(
        "--rounds", type=int, default=rounds, help=f"{unit} for each model (default: {rounds})"
    )
    parser.add_argument("--json", type=Path, help="also write the timings to this file")
    parser.add_argument("--csv", type=Path, help="the same as comma-separated values")
    parser.add_argument("--force", action="store_true", help="overwrite files that exist")


# What adds each command to the parser.
COMMANDS = (_add_benchmark, _add_android_benchmark)
