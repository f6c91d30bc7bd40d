"""The standard interpreter with the UBP delegate attached; needs neither TensorFlow nor Keras."""

from ubp.runtime.benchmark import BenchmarkResult, Timing, benchmark
from ubp.runtime.decisions import DelegateReport, NodeDecision, delegate_report
from ubp.runtime.delegate import delegate_path, load_delegate
from ubp.runtime.interpreter import Interpreter

__all__ = [
    "BenchmarkResult",
    "DelegateReport",
    "Interpreter",
    "NodeDecision",
    "Timing",
    "benchmark",
    "delegate_path",
    "delegate_report",
    "load_delegate",
]
