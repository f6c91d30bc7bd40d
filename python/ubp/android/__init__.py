"""Benchmarks on an Android device over adb, with the stock benchmark_model."""

from ubp.android.adb import Device
from ubp.android.benchmark import DeviceBenchmark
from ubp.android.benchmark_model import BenchmarkModel
from ubp.android.result import RunResult, parse_result

__all__ = ["BenchmarkModel", "Device", "DeviceBenchmark", "RunResult", "parse_result"]
