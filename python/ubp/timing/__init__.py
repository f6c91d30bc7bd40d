# SPDX-License-Identifier: Apache-2.0
"""Everything that reads a clock.

interleaved.py  several interpreters, or anything else, timed against each other
layers.py       every converted layer of a model by itself
calibration.py  the constants of the cost model, measured on this machine
profile.py      the steps that the delegate runs, one by one
network.py      a network's layers among each other: a latency model, measured in place
mixtures.py     the files for that, in each of which the layers have other blocks
network_timer.py
                the same network with given blocks
runs.py         the least times of several files or layers, by turns
grid.py         layers of any shape: a latency model of the device
device.py       what it is that all this is measured on
place.py        where files run: this machine, or another
android/        the same on an Android device
"""

from ubp.timing.grid import measure_device
from ubp.timing.interleaved import BenchmarkResult, Timing, benchmark
from ubp.timing.network import measure_network
from ubp.timing.network_timer import NetworkTimer
from ubp.timing.profile import (
    DelegateProfile,
    ProfiledStep,
    StepWork,
    delegate_profile,
    read_profile,
)

__all__ = [
    "BenchmarkResult",
    "DelegateProfile",
    "NetworkTimer",
    "ProfiledStep",
    "StepWork",
    "Timing",
    "benchmark",
    "delegate_profile",
    "measure_device",
    "measure_network",
    "read_profile",
]
