# SPDX-License-Identifier: Apache-2.0
"""LiteRT's two runtimes with the UBP delegate; needs neither TensorFlow nor Keras.

interpreter.py  the interpreter
compiled_model.py  LiteRT's CompiledModel
environment.py  what CompiledModel finds the delegate in
accelerator.py  the delegate's functions for it
delegate.py     the delegate's library, found and loaded
devices.py      the processors that the delegate can run on
decisions.py    what the delegate takes of a model, and why not the rest
inputs.py       shapes and values of a model's inputs
running.py      models that users hand in: interpreters, and the ways into them
"""

from ubp.deprecated import moved
from ubp.runtime.decisions import DelegateReport, NodeDecision, delegate_report
from ubp.runtime.delegate import delegate_path, load_delegate
from ubp.runtime.interpreter import Interpreter

__all__ = [
    "DelegateReport",
    "Interpreter",
    "NodeDecision",
    "delegate_path",
    "delegate_report",
    "load_delegate",
]

_TIMING = (
    "BenchmarkResult",
    "DelegateProfile",
    "ProfiledStep",
    "Timing",
    "benchmark",
    "delegate_profile",
    "read_profile",
)

__getattr__ = moved(__name__, dict.fromkeys(_TIMING, "ubp.timing"))
