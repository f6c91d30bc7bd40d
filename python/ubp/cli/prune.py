# SPDX-License-Identifier: Apache-2.0
"""ubp prune: a dense model and some hundred inputs in, a pruned one out; no training, no labels."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from ubp.cli.outcome import Outcome
from ubp.cli.shared import add_command
from ubp.constants import FORMAT
from ubp.output import check_output, write_output

if TYPE_CHECKING:
    from ubp.check.verification import Verification
    from ubp.conversion import ConversionResult
    from ubp.data import Preprocessing
    from ubp.tflite_pruning import PrunedFile

_PATTERNS = ("unaligned", "aligned", "unstructured")
_PREPROCESSINGS = ("0..1", "-1..1", "raw", "imagenet-torch", "imagenet-caffe")


def run(options: argparse.Namespace) -> Outcome:
    """Prune, check and write a model."""
    check_output(options.output, options.force)
    if options.report is not None:
        if options.report.suffix != ".json":
            raise ValueError(f"{options.report}: a report is a .json file; choose such a name.")
        check_output(options.report, options.force)
    result = _pruned(options)
    converted = _converted(result) if options.convert else None
    failed = converted is not None and not converted.passed
    written = []
    if not failed:
        model = result.model if converted is None else converted.result.model
        write_output(options.output, model, options.force)
        written.append(options.output)
    if options.report is not None:
        write_output(options.report, result.to_json(), options.force)
        written.append(options.report)
    return Outcome(
        {
            **json.loads(result.to_json()),
            "conversion": None if converted is None else converted.data(options.model.name),
            "written": written,
        },
        lambda console: _show(result, converted, written, console),
        f"verification failed; {options.output} was not written." if failed else "",
    )


def _pruned(options: argparse.Namespace) -> PrunedFile:
    from ubp.tflite_pruning import prune_tflite

    return prune_tflite(
        options.model,
        options.data,
        options.sparsity,
        pattern=options.pattern,
        block_size=options.block_size,
        block_lanes=options.block_lanes,
        scope=options.scope,
        layers=options.layers,
        preprocess=_preprocessing(options),
        size=options.size,
        samples=options.samples,
        refit=not options.no_refit,
        signature=options.signature,
        seed=options.seed,
        num_threads=options.threads,
    )


def _show(
    result: PrunedFile, converted: _Converted | None, written: list[Path], console: Console
) -> None:
    from ubp.reporting.pruning import pruning_text

    if converted is not None:
        converted.show(console)
    print(pruning_text(result, console))
    for path in written:
        print(f"wrote {path}")


@dataclass(frozen=True)
class _Converted:
    """The pruned model converted, and compared with itself where a layer was."""

    result: ConversionResult
    verification: Verification | None

    @property
    def passed(self) -> bool:
        """Whether it computes what the pruned one does."""
        return self.verification is None or self.verification.passed

    def data(self, source: str) -> dict[str, Any]:
        """As of 'ubp convert'."""
        from ubp.reporting.conversion import report_data

        return report_data(self.result, source, self.verification)

    def show(self, console: Console) -> None:
        """Print the table."""
        from ubp.reporting.tables import print_report, verification_text

        report = self.result.report
        print_report(report, console)
        print(
            f"{sum(layer.taken for layer in report)} of {len(report)} layers converted; "
            f"{len(self.result.dense)} -> {len(self.result.model)} bytes"
        )
        if self.verification is not None:
            print(verification_text(self.verification))


def _converted(result: PrunedFile) -> _Converted:
    from ubp.check.verification import verify
    from ubp.conversion.converter import convert

    converted = convert(result.model)
    taken = any(layer.taken for layer in converted.report)
    return _Converted(converted, verify(converted.dense, converted.model) if taken else None)


def _preprocessing(options: argparse.Namespace) -> str | Preprocessing | None:
    from ubp.data import PREPROCESSINGS

    if options.preprocess is None or options.fit == "stretch":
        name: str | None = options.preprocess
        return name
    return replace(PREPROCESSINGS[options.preprocess], fit=options.fit)


def add(commands: Any) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "prune",
        run,
        "prune a .tflite file without training, from some hundred inputs.\n\n"
        "Layer after layer, blocks of weights are taken from each convolution and fully-\n"
        "connected layer with float weights, and those that stay are re-fitted by least squares:\n"
        "the layer gives what it gave before, from what it gets now. Labels are not needed; the\n"
        "inputs have to be like those that the model will see, preprocessed as in training. The\n"
        "file may come from any framework. The table has each layer's error on these inputs; the\n"
        "last lines have that of the outputs on others, which counts: 0 is perfect, 1 as bad as a\n"
        "constant. 'ubp convert' turns the zeros into speed, or --convert at once.",
        "  ubp prune model.tflite --data pictures/ --preprocess=-1..1 -o pruned.tflite\n"
        "  ubp prune model.tflite --data inputs.npy --sparsity 0.7 -o sparse.tflite --convert\n"
        "  ubp prune model.tflite --data left.npy right.npy -o pruned.tflite --report pruned.json\n"
        "  ubp prune model.tflite --data pictures/ --preprocess 0..1 --layers 'block_*' \\\n"
        "      --pattern aligned --block-size 8 -o pruned.tflite",
    )
    parser.add_argument("model", type=Path, help="a .tflite file with float32 or float16 weights")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, help="the .tflite file to write"
    )
    _add_data(parser)
    _add_blocks(parser)
    parser.add_argument(
        "--convert",
        action="store_true",
        help="write the block-sparse model that 'ubp convert' makes of the pruned one, verified",
    )
    parser.add_argument(
        "--report", type=Path, help="also write the errors of layers and outputs as .json"
    )
    parser.add_argument(
        "--threads", type=int, help="for running the model (default: one for each processor)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of all draws (default: 0)")


def _add_data(parser: argparse.ArgumentParser) -> None:
    """Add what the model is calibrated on."""
    parser.add_argument(
        "--data",
        type=Path,
        nargs="+",
        required=True,
        metavar="PATH",
        help="a directory of pictures; or a .npy file for each input, [samples, ...]; or a .npz "
        "file with an array for each",
    )
    parser.add_argument(
        "--preprocess",
        choices=_PREPROCESSINGS,
        help="what the model takes for a picture's pixels: 0..1, -1..1, 0..255 (raw), or what "
        "PyTorch's or Caffe's networks for ImageNet take; needed for pictures (write "
        "--preprocess=-1..1, with the sign of equality)",
    )
    parser.add_argument(
        "--fit",
        choices=("stretch", "crop"),
        default="stretch",
        help="bring a picture to the input's size by stretching it, or by cropping (default: "
        "%(default)s)",
    )
    parser.add_argument(
        "--size",
        type=_size,
        metavar="H,W",
        help="height and width of pictures, for a model that leaves them open",
    )
    parser.add_argument(
        "--samples",
        type=int,
        default=512,
        help="to calibrate on, drawn at random; 64 more judge the result (default: %(default)s)",
    )
    parser.add_argument(
        "--signature", metavar="KEY", help="prune this signature's graph (default: the main graph)"
    )


def _add_blocks(parser: argparse.ArgumentParser) -> None:
    """Add what is taken, and from where."""
    parser.add_argument(
        "--sparsity",
        type=float,
        default=0.8,
        help="share of the weights to take (default: %(default)s)",
    )
    parser.add_argument(
        "--scope",
        choices=("layer", "global", "latency"),
        default="layer",
        help="whose share that is: each layer's; all layers' together; or that of the predicted "
        "time. One budget for all goes where errors cost most (default: %(default)s)",
    )
    parser.add_argument(
        "--pattern",
        choices=_PATTERNS,
        default="unaligned",
        help="blocks that start anywhere, at multiples of N, or single weights (default: "
        "%(default)s)",
    )
    parser.add_argument(
        "--block-size",
        type=int,
        choices=FORMAT["block_sizes"],
        default=4,
        help="N, output channels in a block: less error with small ones, more speed with large "
        "ones (default: %(default)s)",
    )
    parser.add_argument(
        "--block-lanes",
        type=int,
        choices=(1, 4),
        default=1,
        help="lanes in a block, that is input channels of one tap: 4 for a model that will be "
        "int8; layers with input channels that are no multiple are left (default: %(default)s)",
    )
    parser.add_argument(
        "--layers",
        nargs="+",
        metavar="NAME",
        help="names of weights tensors as 'ubp inspect' shows them, or patterns such as 'block_*' "
        "(default: all but the first convolution and the last layers)",
    )
    parser.add_argument(
        "--no-refit",
        action="store_true",
        help="leave depthwise and other layers that are not pruned as they are",
    )


def _size(text: str) -> tuple[int, int]:
    sizes = [int(part) if part.isdecimal() else 0 for part in text.split(",")]
    if len(sizes) != 2 or min(sizes) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no height and width such as 224,224")
    return sizes[0], sizes[1]
