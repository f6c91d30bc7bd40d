"""The standard interpreter with the UBP delegate attached; needs neither TensorFlow nor Keras."""

from ubp.runtime.benchmark import BenchmarkResult, Timing, benchmark
from ubp.runtime.decisions import DelegateReport, NodeDecision, delegate_report
from ubp.runtime.delegate import delegate_path, load_delegate
from ubp.runtime.interpreter import Interpreter
from ubp.runtime.profile import DelegateProfile, ProfiledStep, delegate_profile, read_profile

__all__ = [
    "BenchmarkResult",
    "DelegateProfile",
    "DelegateReport",
    "Interpreter",
    "NodeDecision",
    "ProfiledStep",
    "Timing",
    "benchmark",
    "delegate_path",
    "delegate_profile",
    "delegate_report",
    "load_delegate",
    "read_profile",
]
