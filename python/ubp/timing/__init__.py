"""Everything that reads a clock.

interleaved.py  several interpreters, or anything else, timed against each other
layers.py       every converted layer of a model by itself
calibration.py  the constants of the cost model, measured on this machine
profile.py      the steps that the delegate runs, one by one
android/        the same on an Android device
"""

from ubp.timing.interleaved import BenchmarkResult, Timing, benchmark
from ubp.timing.profile import DelegateProfile, ProfiledStep, delegate_profile, read_profile

__all__ = [
    "BenchmarkResult",
    "DelegateProfile",
    "ProfiledStep",
    "Timing",
    "benchmark",
    "delegate_profile",
    "read_profile",
]
