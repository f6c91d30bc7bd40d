# SPDX-License-Identifier: Apache-2.0
"""The device at hand: what a latency model was measured on."""

from __future__ import annotations

import hashlib
import platform
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

from ubp.latency import Device
from ubp.machine import processor_name
from ubp.runtime import delegate_path
from ubp.runtime.decisions import delegate_report
from ubp.tflite.single_operator import single_convolution


def this_device(num_threads: int, **delegate_options: Any) -> Device:
    """The processor, the kernels that the delegate chooses on it, and the delegate itself.

    Args:
        num_threads, delegate_options: as of `ubp.Interpreter`.
    """
    model = single_convolution(np.ones((4, 1, 1, 4), np.float32), 1, 1)
    report = delegate_report(model, num_threads, **delegate_options)
    return Device(
        processor_name(),
        platform.machine(),
        report.kernel,
        num_threads,
        hashlib.sha256(Path(delegate_path()).read_bytes()).hexdigest(),
        datetime.now(timezone.utc).isoformat(timespec="seconds"),
    )
