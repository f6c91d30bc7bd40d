# SPDX-License-Identifier: Apache-2.0
"""Verify: run the dense and the converted model on the same inputs and compare what comes out."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from ubp.arguments import check_counts, check_finite, check_whole
from ubp.check.samples import Sample, SampleSource
from ubp.conversion.find import find_layers, is_converted
from ubp.conversion.load.files import Model, tflite_of
from ubp.conversion.open_sizes import resolve_shapes
from ubp.format import ValueType
from ubp.runtime.inputs import Shape, check_sizes
from ubp.runtime.running import Entry, Runner, cannot_run, entries_of, has_state, open_interpreter
from ubp.tflite import flatbuffer

# Largest accepted error relative to the output's range. Where weights are narrower than float32 it
# is their rounding that shows (2^-11 and 2^-8 of a weight, and for int8 2^-8 of the largest of its
# channel), more of it in deeper networks.
TOLERANCES = {
    ValueType.F32: 1e-4,
    ValueType.F16: 1e-2,
    ValueType.BF16: 5e-2,
    ValueType.I8: 1e-1,
}
# Of a network whose converted layers compute in int8: below the 255th part that a step of 8 bits is
# at least, so that its outputs have to be equal.
INT8_TOLERANCE = TOLERANCES[ValueType.F32]

_MIN_STEPS = 3  # of a model with variables


@dataclass(frozen=True)
class Verification:
    """The comparison of two models.

        >>> import keras
        >>> import ubp
        >>> model = keras.Sequential([keras.Input((256,)), keras.layers.Dense(64, name="hidden")])
        >>> pruned = ubp.strip(ubp.prune(model, ubp.ConstantSparsity(0.9), layers="hidden"))
        >>> result = ubp.convert(pruned)
        >>> check = ubp.verify(result.dense, result.model, runs=5)
        >>> check.passed, check.samples, check.relative_error < check.tolerance
        (True, 5, True)

    Attributes:
        max_abs_error: of the output with the largest error for its range, the largest difference of
            any value; NaN if one model's output is not finite.
        output_range: max - min of that output in the dense model, or its magnitude if it is
            constant.
        tolerance: the largest accepted max_abs_error / output_range.
        mean_abs_error: mean difference over all values of all outputs.
        samples: how many inputs were tried, of the signature that had most.
        agreement: share of the outputs' rows in which both models have their largest value at the
            same place, as classifiers do; None unless every output is [batch, classes].
        signatures: what was run, the main graph among it.
        not_run: what was not, and why not.
        input_shapes: of the main graph's inputs, where the model leaves sizes open and the inputs
            were random; otherwise empty.
    """

    max_abs_error: float
    output_range: float
    tolerance: float
    mean_abs_error: float = 0.0
    samples: int = 1
    agreement: float | None = None
    signatures: tuple[str, ...] = ()
    not_run: dict[str, str] = field(default_factory=dict)
    input_shapes: tuple[Shape, ...] = ()

    @property
    def relative_error(self) -> float:
        """`max_abs_error` as a share of the output's range."""
        return self.max_abs_error / self.output_range

    @property
    def passed(self) -> bool:
        """Whether that is within the tolerance."""
        return self.relative_error <= self.tolerance  # False for NaN


def verify(
    dense: Model,
    sparse: Model,
    inputs: Sequence[npt.NDArray[Any]] | Sequence[str | os.PathLike[str]] | None = None,
    *,
    runs: int = 3,
    seed: int = 0,
    num_threads: int = 1,
    tolerance: float | None = None,
    shapes: Sequence[Sequence[int]] | None = None,
    **delegate_options: Any,
) -> Verification:
    """Compare a converted model, run with our delegate, to the dense one, run without.

    The main graph and every signature run in turn, several times, in the same two interpreters, so
    that variables change and are compared, too.

        >>> import keras
        >>> import ubp
        >>> model = keras.Sequential([keras.Input((256,)), keras.layers.Dense(64, name="hidden")])
        >>> pruned = ubp.strip(ubp.prune(model, ubp.ConstantSparsity(0.9), layers="hidden"))
        >>> result = ubp.convert(pruned)
        >>> ubp.verify(result.dense, result.model).passed
        True

    Args:
        dense, sparse: .tflite files, by their paths or bytes.
        inputs: one array per input of the model, [samples, ...] where the model's batch divides the
            samples; or the paths of files that hold them, see `read_samples` in samples.py. By
            default `runs` sets of random values. They are for every signature that they fit.
        runs: how many random inputs to try.
        seed: of the random inputs.
        num_threads: for both interpreters.
        tolerance: largest accepted error relative to the output's range; by default the value in
            TOLERANCES for the narrowest weights in `sparse`.
        shapes: for each input of the main graph its shape, for models that leave sizes open; by
            default `inputs` have them, or usual ones are assumed.
        delegate_options: as of `ubp.Interpreter`, such as backend="gpu". With fp16_storage or fp16
            as precision, the default tolerance is the one for 16-bit weights at least.

    Returns:
        The largest and mean differences, in the outputs' units, and whether they are accepted.

    Raises:
        ValueError: if the models' inputs, outputs or signatures differ in number, shape or type, if
            `inputs` do not fit them, if `dense` is a converted model, another argument is wrong,
            or the delegate refuses an option.
        FileNotFoundError, ImportError: as of `read_samples`.
        RuntimeError: if an interpreter cannot run its model.
    """
    check_counts(runs=runs, num_threads=num_threads)
    check_whole("seed", seed, 0)
    if tolerance is not None:
        check_finite(tolerance=tolerance)
    models = _Models.read(dense, sparse)
    if tolerance is None:
        tolerance = default_tolerance(models.sparse)
        if delegate_options.get("precision", "fp32") != "fp32":
            tolerance = max(tolerance, TOLERANCES[ValueType.F16])
    given = None if shapes is None else check_sizes(shapes)
    resolved = resolve_shapes(models.dense, models.names[0], given)
    pairs = models.open(num_threads, delegate_options)
    source = SampleSource(models.tree, inputs, given, resolved, runs, seed)
    samples, not_run = source.of([reference for reference, _ in pairs])
    comparison = _compare(pairs, samples, has_state(models.tree), tolerance, models)
    not_run |= comparison.not_run
    if not comparison.results:
        entry, reason = next(iter(not_run.items()))
        raise RuntimeError(f"{models.names[0]}: {entry} cannot be run: {reason}.")
    assumed = resolved.inputs.get(0, ()) if given is None and inputs is None else ()
    return comparison.summary(not_run, tuple(assumed))


@dataclass(frozen=True)
class _Models:
    """The two models of a verification: their files and what to call them; the dense one's tree."""

    dense: bytes
    sparse: bytes
    names: tuple[str, str]
    tree: schema.ModelT
    entries: list[Entry]

    @staticmethod
    def read(dense: Model, sparse: Model) -> _Models:
        files = []
        for model, name in ((dense, "the dense model"), (sparse, "the converted model")):
            data, source = tflite_of(model)
            files.append((data, name if source == "model" else source))
        trees = [flatbuffer.parse(data, name) for data, name in files]
        if is_converted(trees[0]):
            raise ValueError(
                "the dense model is a converted one; give the .tflite file from before the "
                "conversion."
            )
        entries = [entries_of(tree) for tree in trees]
        if entries[0] != entries[1]:
            described = [", ".join(map(str, each)) for each in entries]
            raise ValueError(
                f"the models have different signatures: {described[0]} in the dense one, "
                f"{described[1]} in the converted one; are they the same network?"
            )
        (dense_data, dense_name), (sparse_data, sparse_name) = files
        return _Models(dense_data, sparse_data, (dense_name, sparse_name), trees[0], entries[0])

    def open(self, num_threads: int, options: Mapping[str, Any]) -> list[tuple[Runner, Runner]]:
        """For each entry its runner in the dense model, and that in the converted one."""
        candidate = open_interpreter(
            self.sparse, self.names[1], delegate=True, num_threads=num_threads, options=options
        )
        reference = open_interpreter(
            self.dense, self.names[0], delegate=False, num_threads=num_threads
        )
        pairs = [(Runner(reference, each), Runner(candidate, each)) for each in self.entries]
        for pair in pairs:
            _check_same_interface(*pair)
        return pairs


@dataclass
class _Comparison:
    """What came out of all runs, and the entries that the dense model does not run."""

    results: list[Verification] = field(default_factory=list)
    steps: dict[Entry, int] = field(default_factory=dict)
    not_run: dict[Entry, str] = field(default_factory=dict)

    def summary(self, not_run: dict[Entry, str], shapes: tuple[Shape, ...]) -> Verification:
        worst = max(
            self.results, key=lambda each: (np.isnan(each.relative_error), each.relative_error)
        )
        agreements = [result.agreement for result in self.results]
        known = [agreement for agreement in agreements if agreement is not None]
        return dataclasses.replace(
            worst,
            mean_abs_error=float(np.mean([result.mean_abs_error for result in self.results])),
            samples=max(self.steps.values()),
            agreement=float(np.mean(known)) if len(known) == len(agreements) else None,
            signatures=tuple(str(entry) for entry in self.steps),
            not_run={str(entry): reason for entry, reason in not_run.items()},
            input_shapes=shapes,
        )


def _compare(
    pairs: Sequence[tuple[Runner, Runner]],
    samples: dict[Entry, list[Sample]],
    stateful: bool,
    tolerance: float,
    models: _Models,
) -> _Comparison:
    """Run all entries by turns, so that what one leaves in variables reaches the others."""
    comparison = _Comparison()
    steps = max([len(each) for each in samples.values()] + [_MIN_STEPS if stateful else 1])
    for step in range(steps):
        for reference, candidate in pairs:
            entry = reference.entry
            own = samples.get(entry, [])
            if not own or (step >= len(own) and not stateful):
                continue
            sample = own[step % len(own)]
            try:
                expected = reference.run(sample)
            except (RuntimeError, ValueError) as error:
                # One that reads a variable may have to wait until another has written it.
                if entry not in comparison.steps:
                    comparison.not_run[entry] = " ".join(str(error).split()).removesuffix(".")
                continue
            try:
                actual = candidate.run(sample)
            except (RuntimeError, ValueError) as error:
                raise cannot_run(models.sparse, models.names[1], error) from error
            comparison.not_run.pop(entry, None)
            comparison.steps[entry] = comparison.steps.get(entry, 0) + 1
            comparison.results += [
                compare_outputs(*outputs, tolerance)
                for outputs in zip(expected, actual, strict=True)
            ]
    return comparison


def default_tolerance(sparse: bytes) -> float:
    """The tolerance for the narrowest weights in a converted model that computes with floats."""
    layers = find_layers(flatbuffer.parse(sparse, "the converted model"))
    tolerances = [
        INT8_TOLERANCE
        if layer.is_int8
        else TOLERANCES[ValueType(layer.packed.attributes.value_type)]
        for layer in layers
        if layer.packed is not None
    ]
    return max(tolerances, default=TOLERANCES[ValueType.F32])


def _check_same_interface(reference: Runner, candidate: Runner) -> None:
    described = [
        [
            [(list(detail["shape"]), np.dtype(detail["dtype"]).name) for detail in details]
            for details in runner.details()
        ]
        for runner in (reference, candidate)
    ]
    for kind, dense, sparse in zip(("input", "output"), *described, strict=True):
        if dense != sparse:
            raise ValueError(
                f"the models have different {kind}s: {dense} in the dense one, {sparse} in the "
                "converted one; are they the same network?"
            )


def compare_outputs(
    expected: npt.NDArray[Any], actual: npt.NDArray[Any], tolerance: float
) -> Verification:
    """Compare one output of any type; another shape is as wrong as NaN."""
    if expected.shape != actual.shape:
        return Verification(float("nan"), 1.0, tolerance, float("nan"))
    if expected.dtype.kind not in "fiub":  # such as text
        differ = float(np.mean(expected != actual)) if expected.size else 0.0
        return Verification(differ, 1.0, tolerance, differ)
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
