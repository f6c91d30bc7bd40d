# SPDX-License-Identifier: Apache-2.0
"""The former place of ubp.timing.android."""

from ubp.deprecated import moved

_NAMES = ("BenchmarkModel", "Device", "DeviceBenchmark", "RunResult", "parse_result")

__getattr__ = moved(__name__, dict.fromkeys(_NAMES, "ubp.timing.android"))
