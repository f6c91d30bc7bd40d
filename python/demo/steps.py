# SPDX-License-Identifier: Apache-2.0
"""The steps of the demo in their order, and what it says on the way."""

from __future__ import annotations

import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

import keras
from rich.console import Console

import ubp
from demo import conversion, measure, mobilenet, picture, table
from demo.digits import IMAGE_SIZE, Images, digits_network, load_digits
from demo.importance import kept_share
from demo.layers import Speedups, time_layers
from demo.output import INDEX, OutputFolder
from demo.settings import BLOCK_SIZE, SEED, SPARSITY, Settings
from demo.training import train_dense, train_pruned

PATTERNS = {
    "unaligned": ubp.UnalignedBlock(BLOCK_SIZE),
    "aligned": ubp.AlignedBlock(BLOCK_SIZE),
    "unstructured": ubp.Unstructured(),
}
_PICTURED_LAYERS = (3, 4)  # of the digits network: a 1x1 and a 3x3 convolution


@dataclass(frozen=True)
class Outcome:
    """What one network came to.

    title: of its part of the table and of the picture.
    pruned: the pruned models by the pattern's name.
    rows: of the table; the first ones are measured with one thread.
    layers: what each converted layer gains.
    """

    title: str
    pruned: dict[str, ubp.ConversionResult]
    rows: list[measure.Row]
    layers: list[Speedups]

    def caption(self) -> str:
        """The title and the accuracies."""
        read = [f"{row.accuracy:.1%} {row.model}" for row in self.rows if row.accuracy is not None]
        return f"{self.title}\naccuracy: {', '.join(read)}" if read else self.title

    def speedups(self) -> list[Speedups]:
        """What the whole network gains, then its layers."""
        whole = {
            row.model: row.speedup
            for row in self.rows
            if row.speedup is not None and row.threads == 1
        }
        return [Speedups("whole network", whole), *self.layers]


def run_demo(settings: Settings, output: OutputFolder, console: Console) -> None:
    """Do everything; the results are in the output folder and on the console."""
    train, test = load_digits(SEED)
    models = _train(train.first(settings.train_images), settings, console)
    digits = _measure_digits(models, test, settings, output, console)
    imagenet = _measure_mobilenet(settings, output, console)
    _heading(console, "Results")
    results = table.results_table({each.title: each.rows for each in (digits, imagenet)})
    console.print(results)
    _explain(console, len(test))
    table.save_text(results, output.file("table.txt"))
    picture.draw(
        output.file("picture.png"),
        picture.kept_weights(digits.pruned, _PICTURED_LAYERS),
        {each.caption(): each.speedups() for each in (digits, imagenet)},
    )
    _say_what_to_try(output, console)


def _train(train: Images, settings: Settings, console: Console) -> dict[str, keras.Model]:
    """The digits network, dense and pruned, by name."""
    _heading(console, "1. A network that reads handwritten digits, trained dense")
    keras.utils.set_random_seed(SEED)
    dense = digits_network()
    console.print(
        f"  {len(train)} real scans to train with; 3x3 and 1x1 convolutions of 64 to 256\n"
        f"  channels, {dense.count_params():,} weights."
    )
    train_dense(dense, train, settings.dense_epochs, SEED)

    _heading(console, f"2. Three copies of it, pruned to {SPARSITY:.0%} zeros as they train on")
    shares = (f"{name} {kept_share(dense, pattern):.1%}" for name, pattern in PATTERNS.items())
    console.print(
        "  Without training on, they would keep this much of the weights' magnitude:\n"
        f"  {', '.join(shares)}."
    )
    pruned = {
        name: train_pruned(
            dense, train, pattern, settings.pruning_epochs, settings.mask_updates, SEED, name
        )
        for name, pattern in PATTERNS.items()
    }
    return {"dense": dense} | pruned


def _measure_digits(
    models: dict[str, keras.Model],
    test: Images,
    settings: Settings,
    output: OutputFolder,
    console: Console,
) -> Outcome:
    _heading(console, "3. Converted, verified and measured in the interpreter")
    dense, pruned = _convert(models, "digits", output, console)
    accuracy = measure.accuracies(dense, pruned, test)
    rows = measure.measure(dense, pruned, 1, settings.rounds, accuracy)
    speedups = time_layers(pruned, settings.rounds)
    return Outcome(f"digits, {IMAGE_SIZE}x{IMAGE_SIZE}", pruned, rows, speedups)


def _measure_mobilenet(settings: Settings, output: OutputFolder, console: Console) -> Outcome:
    size = settings.mobilenet_size
    _heading(console, f"4. MobileNet, {size}x{size}, random weights: for size and speed only")
    model = mobilenet.mobilenet(size, settings.mobilenet_alpha, SEED)
    models = {"dense": model, "unaligned": mobilenet.prune_in_one_shot(model, SEED)}
    dense, pruned = _convert(models, "mobilenet", output, console)
    thread_counts = (1, 2) if (os.cpu_count() or 1) > 1 else (1,)
    rows = [
        row
        for threads in thread_counts
        for row in measure.measure(dense, pruned, threads, settings.rounds)
    ]
    speedups = time_layers(pruned, settings.rounds)
    return Outcome(f"MobileNet, {size}x{size}", pruned, rows, speedups)


def _convert(
    models: dict[str, keras.Model], network: str, output: OutputFolder, console: Console
) -> tuple[ubp.ConversionResult, dict[str, ubp.ConversionResult]]:
    """Convert, verify and save: the dense model, and the pruned ones by name."""
    converted = conversion.convert_all(models)
    dense = converted.pop("dense")
    output.file(f"{network}_dense.tflite").write_bytes(dense.dense)
    for name, result in converted.items():
        verification = conversion.verify_conversion(name, result)
        taken = sum(layer.taken for layer in result.report)
        error = verification.relative_error
        agree = f"to {error:.0e} of their range" if error else "exactly"
        console.print(f"  {name}: {taken} layers converted; the outputs agree {agree}.")
        output.file(f"{network}_{name}_pruned.tflite").write_bytes(result.dense)
        result.save(output.file(f"{network}_{name}_ubp.tflite"), overwrite=True)
    return dense, converted


def _heading(console: Console, text: str) -> None:
    console.print(f"\n{text}", style="bold")


def _explain(console: Console, test_images: int) -> None:
    console.print(
        f"accuracy: on {test_images} scans the network has not seen; one of them is "
        f"{1 / test_images:.1%}.\n"
        "XNNPACK: the ordinary file in the standard interpreter; zeros alone gain nothing there.\n"
        "UBP: the converted file in the same interpreter, with the UBP delegate.\n"
        "speed-up: of UBP over the dense model in XNNPACK, the median of interleaved rounds."
    )


def _say_what_to_try(output: OutputFolder, console: Console) -> None:
    installed = Path(sys.executable).with_name("ubp")
    command = os.path.relpath(installed) if installed.exists() else "python -m ubp"

    def file(name: str) -> str:
        return shlex.quote(os.path.relpath(output.file(name)))

    console.print(
        f"\nIn {output.path}: picture.png, table.txt and the .tflite files; {INDEX} says what "
        "is what.\nTo look closer:\n"
        f"  {command} inspect {file('digits_unaligned_pruned.tflite')}\n"
        f"  {command} inspect {file('digits_unaligned_ubp.tflite')}\n"
        f"  {command} benchmark {file('mobilenet_unaligned_ubp.tflite')} "
        f"--against {file('mobilenet_dense.tflite')} --threads 1,2"
    )
