"""Verify: run the dense and the converted model on the same inputs and compare what comes out."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter as StandardInterpreter

from ubp.convert import flatbuffer
from ubp.convert.find import find_layers, is_converted
from ubp.convert.samples import Sample, read_arrays, split
from ubp.format import ValueType
from ubp.runtime import Interpreter
from ubp.runtime.inputs import random_inputs, set_inputs

# Largest accepted error relative to the output's range. With 16-bit weights it is their rounding
# that shows (2^-11 and 2^-8 per weight), more of it in deeper networks.
TOLERANCES = {ValueType.F32: 1e-4, ValueType.F16: 1e-2, ValueType.BF16: 5e-2}


@dataclass(frozen=True)
class Verification:
    """The comparison of two models.

    max_abs_error: of the output with the largest error for its range, the largest difference of any
        value; NaN if one model's output is not finite.
    output_range: max - min of that output in the dense model, or its magnitude if it is constant.
    tolerance: the largest accepted max_abs_error / output_range.
    mean_abs_error: mean difference over all values of all outputs.
    samples: how many inputs were tried.
    agreement: share of the outputs' rows in which both models have their largest value at the same
        place, as classifiers do; None unless every output is [batch, classes].
    """

    max_abs_error: float
    output_range: float
    tolerance: float
    mean_abs_error: float = 0.0
    samples: int = 1
    agreement: float | None = None

    @property
    def relative_error(self) -> float:
        return self.max_abs_error / self.output_range

    @property
    def passed(self) -> bool:
        return self.relative_error <= self.tolerance  # False for NaN


def verify(
    dense: bytes,
    sparse: bytes,
    inputs: Sequence[npt.NDArray[Any]] | Sequence[Path] | None = None,
    *,
    runs: int = 3,
    seed: int = 0,
    num_threads: int = 1,
    tolerance: float | None = None,
) -> Verification:
    """Compare a converted model, run with our delegate, to the dense one, run without.

    Args:
        dense, sparse: .tflite files.
        inputs: one array per input of the model, [samples, ...] where the model's batch divides the
            samples; or the paths of files that hold them, see `read_arrays` in samples.py. By
            default `runs` sets of random normal values.
        runs: how many random inputs to try.
        seed: of the random inputs.
        num_threads: for both interpreters.
        tolerance: largest accepted error relative to the output's range; by default the value in
            TOLERANCES for the narrowest weights in `sparse`.

    Raises:
        ValueError: if the models' inputs or outputs differ in number, shape or type, if `inputs` do
            not fit them, or if `dense` is a converted model.
        FileNotFoundError, ImportError: as of `read_arrays`.
        RuntimeError: if an interpreter cannot run its model.
    """
    if is_converted(flatbuffer.parse(dense, "the dense model")):
        raise ValueError(
            "the dense model is a converted one; give the .tflite file from before the conversion."
        )
    if tolerance is None:
        tolerance = default_tolerance(sparse)
    reference = StandardInterpreter(model_content=dense, num_threads=num_threads)
    candidate = Interpreter(sparse, num_threads=num_threads)
    for interpreter in (reference, candidate):
        interpreter.allocate_tensors()
    _check_same_interface(reference, candidate)
    samples = _samples(reference, inputs, runs, seed)
    results = []
    for sample in samples:
        for expected, actual in zip(_run(reference, sample), _run(candidate, sample), strict=True):
            results.append(compare_outputs(expected, actual, tolerance))
    worst = max(results, key=lambda each: (np.isnan(each.relative_error), each.relative_error))
    agreements = [result.agreement for result in results]
    return dataclasses.replace(
        worst,
        mean_abs_error=float(np.mean([result.mean_abs_error for result in results])),
        samples=len(samples),
        agreement=None if None in agreements else float(np.mean(agreements)),  # type: ignore[arg-type]
    )


def _samples(
    interpreter: Any,
    inputs: Sequence[npt.NDArray[Any]] | Sequence[Path] | None,
    runs: int,
    seed: int,
) -> list[Sample]:
    if inputs is None:
        if runs < 1:
            raise ValueError(f"runs is {runs}, expected at least 1.")
        rng = np.random.default_rng(seed)
        return [random_inputs(interpreter, rng) for _ in range(runs)]
    details = interpreter.get_input_details()
    paths = [each for each in inputs if isinstance(each, Path)]
    arrays = read_arrays(paths, details) if paths else [np.asarray(each) for each in inputs]
    samples = split(arrays, details)
    if not samples:
        raise ValueError("the inputs hold no samples.")
    return samples


def default_tolerance(sparse: bytes) -> float:
    """The tolerance for the narrowest weights in a converted model."""
    layers = find_layers(flatbuffer.parse(sparse, "the converted model"))
    types = [ValueType(layer.packed.attributes.value_type) for layer in layers if layer.packed]
    return max((TOLERANCES[value_type] for value_type in types), default=TOLERANCES[ValueType.F32])


def _check_same_interface(reference: Any, candidate: Any) -> None:
    for kind, method in (("input", "get_input_details"), ("output", "get_output_details")):
        described = [
            [
                (list(detail["shape"]), np.dtype(detail["dtype"]).name)
                for detail in getattr(i, method)()
            ]
            for i in (reference, candidate)
        ]
        if described[0] != described[1]:
            raise ValueError(
                f"the models have different {kind}s: {described[0]} in the dense one, "
                f"{described[1]} in the converted one; are they the same network?"
            )


def _run(interpreter: Any, inputs: Sequence[npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
    set_inputs(interpreter, inputs)
    interpreter.invoke()
    return [interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()]


def compare_outputs(
    expected: npt.NDArray[Any], actual: npt.NDArray[Any], tolerance: float
) -> Verification:
    """Compare one output; arrays of equal shape, of any type."""
    reference, found = expected.astype(np.float64), actual.astype(np.float64)
    if reference.size == 0:
        return Verification(0.0, 1.0, tolerance)
    if not (np.isfinite(reference).all() and np.isfinite(found).all()):
        return Verification(float("nan"), 1.0, tolerance, float("nan"))
    span = float(np.ptp(reference)) or float(np.abs(reference).max()) or 1.0
    errors = np.abs(found - reference)
    agreement = None
    if reference.ndim == 2 and reference.shape[1] > 1:
        agreement = float(np.mean(reference.argmax(axis=1) == found.argmax(axis=1)))
    return Verification(
        float(errors.max()), span, tolerance, float(errors.mean()), agreement=agreement
    )
