# SPDX-License-Identifier: Apache-2.0
"""ubp convert: a pruned model in, a smaller and faster one out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from ubp.cli.outcome import Outcome
from ubp.cli.shared import (
    add_command,
    add_inputs,
    add_shape,
    print_assumption,
)
from ubp.constants import COSTS, FORMAT
from ubp.output import check_output, write_output

if TYPE_CHECKING:
    from ubp.check.verification import Verification
    from ubp.conversion import ConversionResult


def run(options: argparse.Namespace) -> Outcome:
    """Convert, check and write a model."""
    from ubp.check.verification import verify
    from ubp.reporting.conversion import report_data

    check_output(options.output, options.force)
    _check_report(options)
    result = _converted(options)
    verification = None
    if options.verify or options.inputs is not None:
        verification = verify(result.dense, result.model, options.inputs, shapes=options.shape)
    failed = verification is not None and not verification.passed
    written = [] if failed else _write(options, result, verification)
    data = report_data(result, options.model.name, verification)
    return Outcome(
        data | {"input_shapes": result.input_shapes, "written": written},
        lambda console: _show(result, verification, written, console),
        f"verification failed; {options.output} was not written." if failed else "",
    )


def _converted(options: argparse.Namespace) -> ConversionResult:
    """The model converted, and its layers timed if that is asked for."""
    from ubp.conversion.converter import convert
    from ubp.costs import DEFAULT_COSTS
    from ubp.latency import read_costs
    from ubp.timing.layers import measure_layers

    auto = options.block_size == "auto"
    size: Any = options.block_size if auto else int(options.block_size)
    costs = DEFAULT_COSTS if options.costs is None else read_costs(options.costs)
    shapes = options.shape
    if options.mapping is not None:
        size = _mapped_sizes(options)
    result = convert(options.model, size, options.weights, options.min_speedup, costs, shapes)
    return measure_layers(result, shapes=shapes) if options.measure else result


def _show(
    result: ConversionResult,
    verification: Verification | None,
    written: list[Path],
    console: Console,
) -> None:
    """Print the table, and what there is to say of all layers together."""
    from ubp.reporting.tables import network_text, print_report, verification_text

    print_report(result.report, console)
    taken = sum(layer.taken for layer in result.report)
    print(
        f"{taken} of {len(result.report)} layers converted; {len(result.dense)} -> "
        f"{len(result.model)} bytes ({len(result.model) / len(result.dense):.3f} of the dense file)"
    )
    print_assumption(result.input_shapes)
    if result.times is not None:
        print(network_text(result.times))
    if verification is not None:
        print(verification_text(verification))
    for path in written:
        print(f"wrote {path}")


def _mapped_sizes(options: argparse.Namespace) -> dict[str, int | None]:
    """The block size of each layer that a mapping has measured in place."""
    from ubp.mapping import SchemeMapping

    if options.block_size != "auto":
        raise ValueError("--mapping and --block-size exclude each other; give one of them.")
    sizes = SchemeMapping.load(options.mapping).block_sizes
    if not sizes:
        raise ValueError(
            f"{options.mapping}: was not made with a latency model of the network in place, so "
            "that it has no names of weights tensors; leave out --mapping, and N is chosen by the "
            "zeros."
        )
    return sizes


def _write(
    options: argparse.Namespace, result: ConversionResult, verification: Verification | None
) -> list[Path]:
    """Write the model and, if asked for, the report; returns their paths."""
    page = _page(options, result, verification)
    result.save(options.output, options.force)
    if page is None:
        return [options.output]
    write_output(options.report, page, options.force)
    return [options.output, options.report]


def _check_report(options: argparse.Namespace) -> None:
    if options.report is None:
        return
    if options.report.suffix not in (".html", ".json"):
        raise ValueError(
            f"{options.report}: a report is a page (.html) or .json; choose such a name."
        )
    check_output(options.report, options.force)


def _page(
    options: argparse.Namespace, result: ConversionResult, verification: Verification | None
) -> str | None:
    """The contents of the report, if one is asked for."""
    from ubp.reporting.conversion import to_html, to_json

    if options.report is None:
        return None
    write = to_html if options.report.suffix == ".html" else to_json
    return write(result, options.model.name, verification)


def add(commands: Any) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "convert",
        run,
        "turn a pruned model's zeros into block-sparse layers.\n\n"
        "The non-zeros of each convolution and dense layer are covered with blocks of N output\n"
        "channels; blocks are all that is stored and computed, and no non-zero is left out. N is\n"
        "what is predicted fastest for the layer. Layers that would not gain stay as they are;\n"
        "the table says why. The result runs in the standard interpreter with the UBP delegate\n"
        "(ubp.Interpreter in Python), and without the delegate after 'ubp unpack'.",
        "  ubp convert pruned.keras -o sparse.tflite --verify\n"
        "  ubp convert stripped.h5 -o sparse.tflite\n"
        "  ubp convert pruned.tflite -o sparse.tflite --block-size 4 --weights f16\n"
        "  ubp convert pruned.tflite -o sparse.tflite --measure --report sparse.html\n"
        "  ubp convert upscale.tflite -o sparse.tflite --shape 1,180,180,1",
    )
    parser.add_argument(
        "model",
        type=Path,
        help="a float32 or int8 .tflite file, a .keras or .h5 file of Keras 3 or tf_keras, or the "
        "directory of a SavedModel",
    )
    parser.add_argument(
        "-o", "--output", type=Path, required=True, help="the .tflite file to write"
    )
    parser.add_argument(
        "--block-size",
        choices=["auto", *map(str, FORMAT["block_sizes"])],
        default="auto",
        help="output channels in a block; auto: per layer, the size predicted fastest",
    )
    parser.add_argument(
        "--mapping",
        type=Path,
        help="give each layer the block size of this file, which 'ubp map' has made",
    )
    parser.add_argument(
        "--weights",
        choices=["f32", "f16", "bf16", "i8"],
        default="f32",
        help="how the file stores float weights; all but f32 round (default: f32, exact)",
    )
    parser.add_argument(
        "--min-speedup",
        type=float,
        default=COSTS["min_speedup"],
        help="convert layers predicted to gain at least this; 0: all that can be "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--costs",
        type=Path,
        help="predict with the costs in this file, which 'ubp calibrate' or 'ubp profile' has made",
    )
    _add_checks(parser)


def _add_checks(parser: argparse.ArgumentParser) -> None:
    """Add what is done with the result, beside writing it."""
    parser.add_argument(
        "--verify",
        action="store_true",
        help="compare with the dense model through the interpreter; write nothing if they differ",
    )
    add_inputs(parser)
    add_shape(parser)
    parser.add_argument(
        "--measure",
        action="store_true",
        help="time every converted layer by itself, to be shown next to the prediction",
    )
    parser.add_argument(
        "--report",
        type=Path,
        help="also write the table, with pictures of the blocks, as a page (.html), or as .json",
    )
