"""The command line: ubp convert, inspect, verify, benchmark.

Results go to standard output. Whatever goes wrong is one sentence on standard error, with exit
status 2; a verification that fails has status 1.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

_EXIT_FAILED = 1
_EXIT_ERROR = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except (ValueError, OSError, ImportError, RuntimeError) as error:
        print(f"ubp: error: {_sentence(error)}", file=sys.stderr)
        return _EXIT_ERROR


def _convert(options: argparse.Namespace) -> int:
    from ubp.convert.converter import check_output, convert
    from ubp.convert.report import print_report
    from ubp.convert.verify import verify

    check_output(options.output, options.force)
    size = options.block_size if options.block_size == "auto" else int(options.block_size)
    result = convert(options.model, size, options.weights, options.min_speedup)
    print_report(result.report, _console())
    taken = sum(layer.taken for layer in result.report)
    print(
        f"{taken} of {len(result.report)} layers converted; {len(result.dense)} -> "
        f"{len(result.model)} bytes ({len(result.model) / len(result.dense):.3f} of the dense file)"
    )
    if options.verify and not _print_verification(verify(result.dense, result.model)):
        print(
            f"ubp: error: verification failed; {options.output} was not written.", file=sys.stderr
        )
        return _EXIT_FAILED
    result.save(options.output, options.force)
    print(f"wrote {options.output}")
    return 0


def _inspect(options: argparse.Namespace) -> int:
    from ubp.convert.converter import convert
    from ubp.convert.report import print_attributes, print_report
    from ubp.runtime.decisions import delegate_report, print_delegate_report

    result = convert(options.model)
    print_report(result.report, _console(), done=False)
    print_attributes(result.report, _console())
    print_delegate_report(delegate_report(result.dense), _console())
    return 0


def _verify(options: argparse.Namespace) -> int:
    from ubp.convert.verify import verify

    result = verify(
        _read(options.dense),
        _read(options.sparse),
        runs=options.runs,
        seed=options.seed,
        num_threads=options.threads,
        tolerance=options.tolerance,
    )
    return 0 if _print_verification(result) else _EXIT_FAILED


def _benchmark(options: argparse.Namespace) -> int:
    from ubp.convert.converter import check_output
    from ubp.runtime import benchmark

    if options.json is not None:
        check_output(options.json, options.force)
    paths = [path for path in (options.model, options.against) if path is not None]
    rows = []
    for threads in options.threads:
        interpreters = {str(path): _interpreter(path, threads) for path in paths}
        result = benchmark(interpreters, options.rounds)
        for name, timing in result.timings.items():
            row = {"model": name, "threads": threads, **vars(timing)}
            if options.against is not None:
                row["speedup"] = result.speedup(name, str(options.against))
            rows.append(row)
    _print_timings(rows)
    if options.json is not None:
        options.json.write_text(json.dumps(rows, indent=2) + "\n")
    return 0


def _interpreter(path: Path, threads: int) -> Any:
    """The interpreter for a model: with the delegate if it is converted, otherwise as it comes."""
    from ai_edge_litert.interpreter import Interpreter as StandardInterpreter

    from ubp.convert import flatbuffer
    from ubp.convert.find import is_converted
    from ubp.runtime import Interpreter

    data = _read(path)
    if is_converted(flatbuffer.parse(data, str(path))):
        return Interpreter(data, threads)
    return StandardInterpreter(model_content=data, num_threads=threads)


def _print_timings(rows: list[dict[str, Any]]) -> None:
    table = Table(header_style="bold", pad_edge=False)
    table.add_column("model", overflow="fold")
    for heading in ("threads", "median ms", "p10", "p90", "speed-up"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        times = (f"{row[key]:.3f}" for key in ("median_ms", "p10_ms", "p90_ms"))
        speedup = f"{row['speedup']:.2f}x" if "speedup" in row else ""
        table.add_row(row["model"], str(row["threads"]), *times, speedup)
    _console().print(table)


def _print_verification(result: Any) -> bool:
    print(
        f"largest error {result.max_abs_error:.3g}, {result.relative_error:.3g} of the output "
        f"range {result.output_range:.4g} (accepted: {result.tolerance:g}): "
        f"{'passed' if result.passed else 'FAILED'}"
    )
    passed: bool = result.passed
    return passed


def _console() -> Console:
    """A console on standard output; wide enough for the tables where that is no terminal."""
    return Console(width=None if sys.stdout.isatty() else 160)


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file.")
    return path.read_bytes()


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}."
    return " ".join(str(error).split())


def _threads(text: str) -> list[int]:
    counts = [int(part) if part.isdecimal() else 0 for part in text.split(",")]
    if min(counts) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no list of thread counts such as 1,2")
    return counts


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ubp",
        description="Make pruned models small and fast in the standard TensorFlow Lite runtime.",
        epilog="'ubp COMMAND --help' explains each command.",
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for add in (_add_convert, _add_inspect, _add_verify, _add_benchmark):
        add(commands)
    return parser


def _add_command(
    commands: Any, name: str, run: Callable[[argparse.Namespace], int], text: str, examples: str
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=text.partition(".")[0],
        description=text[0].upper() + text[1:],
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    return parser


def _add_convert(commands: Any) -> None:
    parser = _add_command(
        commands,
        "convert",
        _convert,
        "turn a pruned model's zeros into block-sparse layers.\n\n"
        "Layers that would not gain stay as they are; the table says why.\n"
        "The result runs in the standard interpreter with the UBP delegate.",
        "  ubp convert pruned.keras -o sparse.tflite --verify\n"
        "  ubp convert pruned.tflite -o sparse.tflite --block-size 4 --weights f16",
    )
    parser.add_argument("model", type=Path, help="a float32 .tflite file or a .keras file")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, help="the .tflite file to write"
    )
    parser.add_argument(
        "--block-size",
        choices=["auto", "1", "2", "4", "8", "16"],
        default="auto",
        help="output channels in a block; auto: per layer, the size predicted fastest",
    )
    parser.add_argument(
        "--weights",
        choices=["f32", "f16", "bf16"],
        default="f32",
        help="how the file stores weights; the 16-bit types round (default: f32, exact)",
    )
    parser.add_argument(
        "--min-speedup",
        type=float,
        default=1.1,
        help="convert layers predicted to gain at least this; 0: all that can be (default: 1.1)",
    )
    parser.add_argument(
        "--verify",
        action="store_true",
        help="compare with the dense model through the interpreter; write nothing if they differ",
    )
    parser.add_argument("--force", action="store_true", help="overwrite the output if it exists")


def _add_inspect(commands: Any) -> None:
    parser = _add_command(
        commands,
        "inspect",
        _inspect,
        "show every layer's zeros and blocks, and what convert and the delegate would do.\n\n"
        "Layers that are block-sparse already are listed with their attributes. The last table\n"
        "lists every operator of the file as it is: whether the delegate takes it, or why not.",
        "  ubp inspect pruned.tflite\n  ubp inspect sparse.tflite",
    )
    parser.add_argument("model", type=Path, help="a .tflite or .keras file, converted or not")


def _add_verify(commands: Any) -> None:
    parser = _add_command(
        commands,
        "verify",
        _verify,
        "compare a converted model with the dense one, through the interpreter.\n\n"
        "Both run on random normal inputs. Exit status 0: they agree; 1: they do not.",
        "  ubp verify pruned.tflite sparse.tflite --threads 2",
    )
    parser.add_argument("dense", type=Path, help="the .tflite file before conversion")
    parser.add_argument("sparse", type=Path, help="the .tflite file after conversion")
    parser.add_argument("--runs", type=int, default=3, help="random inputs to try (default: 3)")
    parser.add_argument("--seed", type=int, default=0, help="of the random inputs (default: 0)")
    parser.add_argument("--threads", type=int, default=1, help="for both models (default: 1)")
    parser.add_argument(
        "--tolerance",
        type=float,
        help="accepted error relative to the output range (default: 1e-4 for f32 weights, 1e-2 "
        "for f16, 5e-2 for bf16)",
    )


def _add_benchmark(commands: Any) -> None:
    parser = _add_command(
        commands,
        "benchmark",
        _benchmark,
        "time a model, and another one against it.\n\n"
        "A converted model runs with the UBP delegate, any other in the standard interpreter as\n"
        "it comes (XNNPACK). Both alternate in blocks of ten inferences; the speed-up is the\n"
        "median of the blocks' ratios.",
        "  ubp benchmark sparse.tflite --against dense.tflite --threads 1,2",
    )
    parser.add_argument("model", type=Path, help="the .tflite file to time")
    parser.add_argument("--against", type=Path, help="a .tflite file to compare with")
    parser.add_argument(
        "--threads", type=_threads, default=[1], help="numbers of threads, such as 1,2 (default: 1)"
    )
    parser.add_argument(
        "--rounds", type=int, default=30, help="blocks for each model (default: 30)"
    )
    parser.add_argument("--json", type=Path, help="also write the timings to this file")
    parser.add_argument(
        "--force", action="store_true", help="overwrite the --json file if it exists"
    )


if __name__ == "__main__":
    sys.exit(main())
