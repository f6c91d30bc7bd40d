# SPDX-License-Identifier: Apache-2.0
"""A network measured in place: `measure_network`.

The network is converted some times, each time with other blocks in every layer: of each pair
(N, density) there is one file in which a layer has it, and one in which the layer is dense, in an
order of its own, so that layers that run together in one step can be told apart; in some more files
many layers are dense. All files run by turns; of every step the least time counts, of inferences
the least steady one. What a layer's time is made of is then fitted to the steps
(ubp.latency.in_place), and the fixed rest is what inferences take beside them. Some more files with
random mixtures are held out: they say how good that is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ubp.arguments import check_counts, check_sequence, check_share, check_whole, shown
from ubp.conversion.find import find_layers
from ubp.costs import DEFAULT_COSTS, CostModel, LayerShape, check_block_sizes
from ubp.latency import LatencyModel, MeasuredLayer, MeasuredNetwork, Trial
from ubp.latency.in_place import (
    MEASURED_DENSITIES,
    MEASURED_SIZES,
    Expected,
    LayerFit,
    StepTime,
    fit_layers,
    with_rest,
)
from ubp.progress import Bar
from ubp.runtime.inputs import check_sizes
from ubp.tflite import flatbuffer
from ubp.tflite.single_operator import extract_operator
from ubp.timing.mixtures import Mixture, Subject, converted, find_subject, mixed, permuted, sizes_of
from ubp.timing.place import Place, Runs, ThisMachine
from ubp.timing.profile import ProfiledStep
from ubp.timing.runs import least_us


@dataclass(frozen=True)
class _Measured:
    """What one file gave: of each layer what it was, the steps, and the least inference in us."""

    settings: Mixture
    steps: list[tuple[tuple[int, ...], ProfiledStep]]
    us: float


def measure_network(
    model: Any,
    *,
    num_threads: int = 1,
    block_sizes: Sequence[int] = MEASURED_SIZES,
    densities: Sequence[float] = MEASURED_DENSITIES,
    held_out: int = 6,
    rounds: int = 15,
    seed: int = 0,
    shapes: Sequence[Sequence[int]] | None = None,
    costs: CostModel = DEFAULT_COSTS,
    progress: bool = True,
    place: Place | None = None,
    **delegate_options: Any,
) -> LatencyModel:
    """Measure how long each layer of a network takes, among the others, with blocks of each N.

    All convolutions and fully-connected layers with float weights of the main graph are measured,
    except the first convolution and the last layer, which `ubp.prune` leaves dense by default.
    Nothing else should run on the machine meanwhile.

    Args:
        model: as of `ubp.convert`; its weights decide where blocks lie, and nothing else.
        num_threads: of the interpreters and the delegate.
        block_sizes: N to measure.
        densities: shares of the weights to measure each N at, two or more.
        held_out: mixtures to find the errors with.
        rounds: how often each file has its turn.
        seed: of the mixtures and the inputs.
        shapes: of the inputs, as of `ubp.convert`.
        costs: what is expected beforehand, which matters for layers that only run together.
        progress: show a progress bar on standard error, if that is a terminal.
        place: where the files run; this machine by default.
        delegate_options: as of `ubp.Interpreter`.

    Raises:
        ValueError: if an argument is not as described, or no layer can be measured.
        FileNotFoundError, ImportError, RuntimeError: as of `ubp.convert` and `ubp.Interpreter`.
    """
    check_counts(num_threads=num_threads, rounds=rounds)
    check_whole("held_out", held_out, 0)
    check_whole("seed", seed, 0)
    _check_grid(block_sizes, densities)
    subject = find_subject(model, None if shapes is None else check_sizes(shapes))
    rng = np.random.default_rng(seed)
    designs = permuted(subject, block_sizes, densities, rng)
    designs += mixed(subject, block_sizes, held_out, rng)
    opened = (place or ThisMachine()).open(
        num_threads, seed, subject.inputs, profiled=True, **delegate_options
    )
    with opened as runs:
        measured, dense_us = _measure(subject, designs, rounds, runs, progress)
        device = runs.device()
    fitted = measured[: len(measured) - held_out]
    unit = _unit_us(subject, fitted, costs)
    expected = [_expected(shape, block_sizes, unit, costs) for shape in subject.shapes]
    fits = fit_layers(expected, [step for each in fitted for step in _step_times(each)])
    opened = (place or ThisMachine()).open(num_threads, seed)
    with opened as runs:
        found = _layers(subject, fits, runs)
    fixed_us, layers = with_rest(found, [(each.settings, each.us) for each in fitted])
    trials = [
        Trial(dict(zip(subject.names, each.settings, strict=True)), each.us, index >= len(fitted))
        for index, each in enumerate(measured)
    ]
    network = MeasuredNetwork(subject.source, dense_us, fixed_us, tuple(layers), tuple(trials))
    return LatencyModel(costs, unit, device, (), network)


def _check_grid(block_sizes: Any, densities: Any) -> None:
    check_block_sizes(block_sizes)
    check_sequence("densities", densities, "a list of shares")
    for density in densities:
        check_share("densities", density)
    if len(set(densities)) < 2:
        raise ValueError(
            f"densities is {shown(densities)}; expected two different densities or more."
        )


def _expected(
    shape: LayerShape, block_sizes: Sequence[int], unit: float, costs: CostModel
) -> Expected:
    block = {
        n: unit * costs.of_block(n, shape.out_pixels, shape.is_pointwise)
        for n in sizes_of(shape, block_sizes)
    }
    return Expected(block, unit * costs.dense(shape))


def _measure(
    subject: Subject, designs: Sequence[Mixture], rounds: int, runs: Runs, progress: bool
) -> tuple[list[_Measured], float]:
    """Run all files by turns; the dense one in the standard interpreter."""
    hidden = None if progress else True
    nodes: list[dict[int, int]] = []
    timers = []
    for settings in Bar(designs, "convert", unit="file", disable=hidden):
        data = converted(subject, settings)
        nodes.append(_nodes(data, subject))
        timers.append(runs.timer(data))
    timers.append(runs.timer(subject.data, delegated=False))
    least = least_us(timers, Bar(range(rounds), "measure", unit="round", disable=hidden))
    measured = [
        _Measured(settings, _own_steps(steps, of), us)
        for settings, steps, of, us in zip(designs, runs.steps(), nodes, least[:-1], strict=True)
    ]
    return measured, least[-1]


def _nodes(data: bytes, subject: Subject) -> dict[int, int]:
    """The numbers of the layers by their nodes in a converted file."""
    number_of = {layer.name: number for number, layer in enumerate(subject.layers)}
    found = find_layers(flatbuffer.parse(data, subject.source), subject.tensors)
    return {
        layer.operator: number_of[layer.name]
        for layer in found
        if layer.subgraph == 0 and layer.name in number_of
    }


def _own_steps(
    steps: Sequence[ProfiledStep], nodes: Mapping[int, int]
) -> list[tuple[tuple[int, ...], ProfiledStep]]:
    """The steps that run layers, with these; not those that only change how a tensor lies."""
    found = []
    for step in steps:
        layers = tuple(nodes[node] for node in step.nodes if node is not None and node in nodes)
        if layers and not step.conversion:
            found.append((layers, step))
    return found


def _step_times(measured: _Measured) -> list[StepTime]:
    return [
        StepTime(tuple((layer, measured.settings[layer]) for layer in layers), step.min_us)
        for layers, step in measured.steps
        if step.min_us > 0
    ]


def _unit_us(subject: Subject, measured: Sequence[_Measured], costs: CostModel) -> float:
    """Microseconds of a unit of the constants: what steps took over what they are predicted to."""
    ratios = []
    for each in measured:
        for layers, step in each.steps:
            expected = 0.0
            for layer in layers:
                shape, setting = subject.shapes[layer], each.settings[layer]
                if setting is None:
                    expected += costs.dense(shape)
                    continue
                per_block = costs.of_block(setting[0], shape.out_pixels, shape.is_pointwise)
                expected += setting[1] * per_block
            ratios.append(step.min_us / expected)
    if not ratios:
        raise ValueError(
            f"{subject.source}: the delegate ran none of its layers; see 'ubp inspect'."
        )
    return float(np.median(ratios))


def _layers(subject: Subject, fits: Sequence[LayerFit], runs: Runs) -> list[MeasuredLayer]:
    """The layers with what was fitted; those that never ran dense are timed alone, in XNNPACK."""
    tree = flatbuffer.parse(subject.data, subject.source)
    layers = []
    for layer, shape, name, fit in zip(
        subject.layers, subject.shapes, subject.names, fits, strict=True
    ):
        dense_us = fit.dense_us
        if dense_us is None:
            alone = extract_operator(tree, layer.subgraph, layer.operator, subject.tensors)
            dense_us = least_us([runs.timer(alone, delegated=False)], range(8))[0]
        layers.append(MeasuredLayer(name, layer.name, shape, dense_us, dict(fit.sparse)))
    return layers
