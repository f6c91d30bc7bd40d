# SPDX-License-Identifier: Apache-2.0
"""Resident memory of a loaded network: measured in a process of its own.

`python -m bench.models.memory MODEL THREADS TAKE` is that process: it loads the libraries, then
the network, allocates its tensors and runs it twice, and writes JSON. Counted are all resident
pages, those of the mapped model file included, less those that the process had before it loaded the
network. TAKE is the delegate's option, or "nothing" for XNNPACK without the delegate.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from ai_edge_litert.interpreter import Interpreter as StandardInterpreter

import ubp

NOTHING = "nothing"
_INFERENCES = 2
_PYTHON_FOLDER = Path(__file__).resolve().parents[2]
_RESET_PEAK = "5"  # what clear_refs takes for "the peak of resident memory"


@dataclass(frozen=True)
class Memory:
    """Bytes of resident memory.

    peak: the most there were.
    steady: in the end, when a network has been loaded and run.
    """

    peak: int
    steady: int


def measure_memory(model: Path, threads: int, take: str) -> Memory:
    """Memory of a network in a new process.

    Args:
        model: a .tflite file, converted or not.
        take: the delegate's option of this name, or NOTHING for XNNPACK alone.

    Raises:
        RuntimeError: if the process fails.
    """
    command = [sys.executable, "-m", "bench.models.memory", str(model), str(threads), take]
    variables = os.environ | {"PYTHONPATH": str(_PYTHON_FOLDER)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=variables)
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise RuntimeError(f"measuring memory failed: {lines[-1] if lines else 'no message'}")
    return Memory(**json.loads(done.stdout))


def growth(model: str, threads: int, take: str) -> Memory:
    """Of this process; see the head of this file."""
    ubp.load_delegate()  # loads its library, which is no part of the network
    Path("/proc/self/clear_refs").write_text(_RESET_PEAK)
    before = _resident().steady
    if take == NOTHING:
        interpreter = StandardInterpreter(model_path=model, num_threads=threads)
    else:
        interpreter = ubp.Interpreter(model, num_threads=threads, take=take)
    interpreter.allocate_tensors()
    for _ in range(_INFERENCES):
        interpreter.invoke()
    after = _resident()
    return Memory(after.peak - before, after.steady - before)


def _resident() -> Memory:
    """Of this process: its peak and now."""
    status = Path("/proc/self/status").read_text()
    peak, steady = (
        re.search(rf"^{field}:\s*(\d+) kB$", status, re.M) for field in ("VmHWM", "VmRSS")
    )
    if peak is None or steady is None:
        raise RuntimeError("/proc/self/status has no VmHWM and VmRSS; this needs Linux.")
    return Memory(int(peak[1]) * 1024, int(steady[1]) * 1024)


if __name__ == "__main__":
    print(json.dumps(asdict(growth(sys.argv[1], int(sys.argv[2]), sys.argv[3]))))
