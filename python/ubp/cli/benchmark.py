# SPDX-License-Identifier: Apache-2.0
"""ubp benchmark: a model timed, and another one against it."""

from __future__ import annotations

import argparse
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ubp.cli import calibrate
from ubp.cli.gpu import add_gpu, delegate_options
from ubp.cli.outcome import Outcome
from ubp.cli.shared import (
    add_command,
    add_inputs,
    add_shape,
    add_timing,
    check_timing_outputs,
    timing_outcome,
)

_LOGGER = logging.getLogger(__name__)
_BLOCK = 10  # inferences, in each round for each model
_SEED = 0  # of random inputs


def run(options: argparse.Namespace) -> Outcome:
    """Time models."""
    from ubp.reporting.timings import timing_rows
    from ubp.timing.interleaved import interleave
    from ubp.timing.profile import delegate_profile

    if options.calibrate is not None:
        _LOGGER.warning("--calibrate is now 'ubp calibrate'; it goes in the next version.")
        return calibrate.write_costs(options.calibrate, options.force)
    if options.model is None:
        raise ValueError("name the .tflite file to time.")
    check_timing_outputs(options)
    models = [_Timed.read(options.model, options, backend) for backend in options.backend]
    against = None if len(models) == 1 else models[0].name
    if options.against is not None:
        models.append(_Timed.read(options.against, options))
        against = models[-1].name
    rows = []
    for threads in options.threads:
        timers = {model.name: model.timer(threads) for model in models}
        result = interleave(timers, options.rounds, _BLOCK)
        timed = timing_rows(result, threads, against)
        for row, model in zip(timed, models, strict=True):
            row["delegate"] = model.delegate
            row["backend"] = model.backend
            if not options.profile or not model.profiled:
                continue
            # In inferences of its own, so that the timings are those without.
            row["profile"] = delegate_profile(
                model.data, options.rounds * _BLOCK, threads, inputs=model.inputs, **model.options
            )
        rows += timed
    return timing_outcome(rows, options)


@dataclass(frozen=True)
class _Timed:
    """A model of a benchmark.

    name: of its rows.
    delegate: attach the UBP delegate. The model that is timed has it, so that an ordinary file with
        zeros gains; the other one only if it needs it.
    inputs: what it is given.
    backend: of the delegate; empty without one.
    options: of the delegate.
    profiled: whether it is the model that --profile is for.
    """

    name: str
    path: Path
    data: bytes
    delegate: bool
    inputs: list[Any]
    backend: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    profiled: bool = False

    @staticmethod
    def read(path: Path, options: argparse.Namespace, backend: str | None = None) -> _Timed:
        """A model to be timed on a backend; or None, the one to compare with."""
        from ubp.check.samples import SampleSource
        from ubp.conversion.find import is_converted
        from ubp.conversion.load.files import read_tflite
        from ubp.conversion.open_sizes import resolve_shapes
        from ubp.runtime.inputs import check_shapes
        from ubp.runtime.running import open_interpreter
        from ubp.tflite import flatbuffer

        data = read_tflite(path)
        tree = flatbuffer.parse(data, str(path))
        timed = backend is not None
        delegate = timed or is_converted(tree)
        chosen = delegate_options(options, backend) if timed else {}
        interpreter = open_interpreter(data, str(path), delegate=delegate, options=chosen)
        if options.shape is not None:
            check_shapes(interpreter.get_input_details(), options.shape)
        shapes = resolve_shapes(data, str(path), options.shape)
        source = SampleSource(tree, options.inputs, options.shape, shapes, 1, _SEED)
        inputs = source.of_main(interpreter)
        again = not timed and path == options.model  # the same file without the delegate
        several = timed and len(options.backend) > 1
        note = " (against)" if again else f" ({backend})" if several else ""
        used = (backend or "cpu") if delegate else ""
        return _Timed(f"{path}{note}", path, data, delegate, inputs, used, chosen, timed)

    def timer(self, threads: int) -> Any:
        """What runs the model in a new interpreter."""
        from ubp.runtime.running import open_interpreter
        from ubp.timing.interleaved import block_timer

        interpreter = open_interpreter(
            self.data,
            str(self.path),
            delegate=self.delegate,
            num_threads=threads,
            options=self.options,
        )
        return block_timer(interpreter, _SEED, self.inputs)


def add(commands: Any) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "benchmark",
        run,
        "time a model, and another one against it.\n\n"
        "The model runs with the UBP delegate, converted or not; the one against it only if it\n"
        "is converted, otherwise in the standard interpreter as it comes (XNNPACK). Both take\n"
        "turns in blocks of ten inferences; the speed-up is the median of the blocks' ratios. A\n"
        "busy machine moves both times and hardly the ratio. With several backends and no other\n"
        "model the speed-up is that over the first backend. --profile shows which of the\n"
        "delegate's steps the time goes to; on a GPU which kernels, by the GPU's own clock.",
        "  ubp benchmark sparse.tflite --against dense.tflite --threads 1,2\n"
        "  ubp benchmark pruned.tflite --against pruned.tflite\n"
        "  ubp benchmark sparse.tflite --profile\n"
        "  ubp benchmark sparse.tflite --against dense.tflite --backend cpu,gpu",
    )
    parser.add_argument("model", type=Path, nargs="?", help="the .tflite file to time")
    add_timing(parser, rounds=30, unit="blocks")
    add_inputs(parser, "run on")
    add_shape(parser)
    add_gpu(parser, "the model", several=True)
    parser.add_argument(
        "--profile",
        action="store_true",
        help="also run the model with each step of the delegate timed, and show them",
    )
    parser.add_argument("--calibrate", type=Path, metavar="FILE", help=argparse.SUPPRESS)
