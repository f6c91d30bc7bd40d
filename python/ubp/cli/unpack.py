# SPDX-License-Identifier: Apache-2.0
"""ubp unpack: a converted model back into a standard .tflite file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ubp.cli.outcome import Outcome
from ubp.cli.shared import add_command
from ubp.output import check_output, write_output


def run(options: argparse.Namespace) -> Outcome:
    """Unpack a model."""
    from ubp.conversion.unpacking import unpack

    check_output(options.output, options.force)
    data = unpack(options.model)
    size = options.model.stat().st_size
    write_output(options.output, data, options.force)
    return Outcome(
        {"bytes_before": size, "bytes_after": len(data), "written": [options.output]},
        lambda console: print(f"wrote {options.output}: {len(data)} bytes, {size} before"),
    )


def add(commands: Any) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "unpack",
        run,
        "turn a converted model back into a standard .tflite file.\n\n"
        "Every block-sparse layer becomes the operator that it was, with float32 weights that\n"
        "equal those converted: to the bit if they are stored as f32. The result needs no\n"
        "delegate; it is as large and as slow as the model was before conversion.",
        "  ubp unpack sparse.tflite -o dense.tflite",
    )
    parser.add_argument("model", type=Path, help="a converted .tflite file")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, help="the .tflite file to write"
    )
