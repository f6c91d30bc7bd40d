# SPDX-License-Identifier: Apache-2.0
"""Timing on an Android device over adb, with the stock benchmark_model.

device.py           a device: commands and files over adb, which libraries it can load
benchmark_model.py  one process of benchmark_model, and the result that it writes
benchmark.py        a model with the delegate against another in XNNPACK, by turns
place.py            the place where a latency model is measured
"""

from ubp.timing.android.benchmark import DeviceBenchmark
from ubp.timing.android.benchmark_model import BenchmarkModel, RunResult, parse_result
from ubp.timing.android.device import Device
from ubp.timing.android.place import AndroidPlace

__all__ = [
    "AndroidPlace",
    "BenchmarkModel",
    "Device",
    "DeviceBenchmark",
    "RunResult",
    "parse_result",
]
