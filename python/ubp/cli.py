"""The command line: ubp convert, inspect, verify, benchmark, android-benchmark.

Results go to standard output. Whatever goes wrong is one sentence on standard error, with exit
status 2; a verification that fails has status 1.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ubp import cli_timing
from ubp.cli_common import add_command, console, read_model

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
    print_report(result.report, console())
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
    print_report(result.report, console(), done=False)
    print_attributes(result.report, console())
    print_delegate_report(delegate_report(result.dense), console())
    return 0


def _verify(options: argparse.Namespace) -> int:
    from ubp.convert.verify import verify

    result = verify(
        read_model(options.dense),
        read_model(options.sparse),
        runs=options.runs,
        seed=options.seed,
        num_threads=options.threads,
        tolerance=options.tolerance,
    )
    return 0 if _print_verification(result) else _EXIT_FAILED


def _print_verification(result: Any) -> bool:
    print(
        f"largest error {result.max_abs_error:.3g}, {result.relative_error:.3g} of the output "
        f"range {result.output_range:.4g} (accepted: {result.tolerance:g}): "
        f"{'passed' if result.passed else 'FAILED'}"
    )
    passed: bool = result.passed
    return passed


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}."
    return " ".join(str(error).split())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ubp",
        description="Make pruned models small and fast in the standard TensorFlow Lite runtime.",
        epilog="'ubp COMMAND --help' explains each command.",
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for add in (_add_convert, _add_inspect, _add_verify, *cli_timing.COMMANDS):
        add(commands)
    return parser


def _add_convert(commands: Any) -> None:
    parser = add_command(
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
    parser = add_command(
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
    parser = add_command(
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


if __name__ == "__main__":
    sys.exit(main())
