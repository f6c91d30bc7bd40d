"""The commands that time models: ubp benchmark, ubp android-benchmark."""

from __future__ import annotations

import argparse
import csv
import io
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from ubp.cli_common import add_command, add_inputs, add_shape, console
from ubp.output import check_output, write_output

if TYPE_CHECKING:
    from ubp.runtime import BenchmarkResult


_BLOCK = 10  # inferences, in each round for each model
_SEED = 0  # of random inputs


def _benchmark(options: argparse.Namespace) -> int:
    from ubp.runtime import delegate_profile
    from ubp.runtime.benchmark import interleave

    if options.calibrate is not None:
        return _calibrate(options)
    if options.model is None:
        raise ValueError("name the .tflite file to time, or a file to write with --calibrate.")
    _check_outputs(options)
    models = [_Timed.read(options.model, options, timed=True)]
    if options.against is not None:
        models.append(_Timed.read(options.against, options, timed=False))
    rows = []
    for threads in options.threads:
        timers = {model.name: model.timer(threads) for model in models}
        result = interleave(timers, options.rounds, _BLOCK)
        timed = _rows(result, threads, None if len(models) == 1 else models[1].name)
        for row, model in zip(timed, models, strict=True):
            row["delegate"] = model.delegate
        if options.profile:  # in inferences of its own, so that the timings are those without
            runs, inputs = options.rounds * _BLOCK, models[0].inputs
            timed[0]["profile"] = delegate_profile(models[0].data, runs, threads, inputs=inputs)
        rows += timed
    _show(rows, options)
    return 0


@dataclass(frozen=True)
class _Timed:
    """A model of a benchmark.

    name: of its rows.
    delegate: attach the UBP delegate. The model that is timed has it, so that an ordinary file with
        zeros gains; the other one only if it needs it.
    inputs: what it runs on.
    """

    name: str
    path: Path
    data: bytes
    delegate: bool
    inputs: list[Any]

    @staticmethod
    def read(path: Path, options: argparse.Namespace, timed: bool) -> _Timed:
        from ubp.convert import flatbuffer
        from ubp.convert.draw import SampleSource
        from ubp.convert.files import read_tflite
        from ubp.convert.find import is_converted
        from ubp.convert.run import open_interpreter
        from ubp.convert.shapes import resolve_shapes
        from ubp.runtime.inputs import check_shapes

        data = read_tflite(path)
        tree = flatbuffer.parse(data, str(path))
        delegate = timed or is_converted(tree)
        interpreter = open_interpreter(data, str(path), delegate=delegate)
        if options.shape is not None:
            check_shapes(interpreter.get_input_details(), options.shape)
        shapes = resolve_shapes(data, str(path), options.shape)
        source = SampleSource(tree, options.inputs, options.shape, shapes, 1, _SEED)
        inputs = source.of_main(interpreter)
        again = not timed and path == options.model  # the same file without the delegate
        name = f"{path} (against)" if again else str(path)
        return _Timed(name, path, data, delegate, inputs)

    def timer(self, threads: int) -> Any:
        """What runs the model in a new interpreter."""
        from ubp.convert.run import open_interpreter
        from ubp.runtime.benchmark import block_timer

        interpreter = open_interpreter(
            self.data, str(self.path), delegate=self.delegate, num_threads=threads
        )
        return block_timer(interpreter, _SEED, self.inputs)


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
    table.add_column("delegate")
    for heading in ("threads", "median ms", "p10", "p90", "speed-up"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        times = (f"{row[key]:.3f}" for key in ("median_ms", "p10_ms", "p90_ms"))
        speedup = f"{row['speedup']:.2f}x" if "speedup" in row else ""
        delegate = "UBP" if row.get("delegate") else ""
        table.add_row(row["model"], delegate, str(row["threads"]), *times, speedup)
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
        "The model runs with the UBP delegate, converted or not; the one against it only if it\n"
        "is converted, otherwise in the standard interpreter as it comes (XNNPACK). Both take\n"
        "turns in blocks of ten inferences; the speed-up is the median of the blocks' ratios.",
        "  ubp benchmark sparse.tflite --against dense.tflite --threads 1,2\n"
        "  ubp benchmark pruned.tflite --against pruned.tflite\n"
        "  ubp benchmark sparse.tflite --profile\n"
        "  ubp benchmark --calibrate costs.json",
    )
    parser.add_argument("model", type=Path, nargs="?", help="the .tflite file to time")
    _add_timing_arguments(parser, rounds=30, unit="blocks")
    add_inputs(parser, "run on")
    add_shape(parser)
    parser.add_argument(
        "--profile",
        action="store_true",
        help="also run the model with each step of the delegate timed, and show them; "
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
