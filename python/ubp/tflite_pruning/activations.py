# SPDX-License-Identifier: Apache-2.0
"""Activations: what enters layers of the pruned network and leaves those of the dense one.

Both networks run in the interpreter, picture by picture, from the nearest point before the layer
whose tensors are kept: at first the inputs; later, wherever few values are alive, the values there,
in temporary files. In memory are the tensors of one picture.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from ubp.conversion.operator_view import inputs_of
from ubp.data import Samples
from ubp.data.columns import Spool
from ubp.runtime.inputs import resize_inputs, set_inputs
from ubp.runtime.running import open_interpreter
from ubp.tflite import flatbuffer
from ubp.tflite.part import live_tensors, operators_between, part_of, varying_tensors

Array = npt.NDArray[Any]

_WIDER = 2.0  # how many times as much as now may be kept at a later point
_FAR = 16  # operators from the kept point on, after which any later one is kept
_SPARE_DISK = 2**30  # bytes of the temporary folder's disk that stay free


@dataclass(frozen=True)
class _Point:
    """Tensors that are kept of all pictures.

    at: position of the operator before which they are.
    dense, pruned: [runs, ...] of each tensor by its number, of the two networks.
    """

    at: int
    dense: Mapping[int, Any]
    pruned: Mapping[int, Any]

    @property
    def same(self) -> bool:
        """Whether nothing is pruned before."""
        return self.dense is self.pruned


class _Inputs:
    """The samples of one input, a batch of the model at a time."""

    def __init__(self, samples: Samples, place: int, batch: int) -> None:
        self._samples, self._place, self._batch = samples, place, batch

    def __getitem__(self, run: int) -> Array:
        rows = self._samples.numbers[run * self._batch : (run + 1) * self._batch]
        return self._samples.columns[self._place].rows(rows)


class Part:
    """Some operators of a graph, ready to run.

    Args:
        model, subgraph: where they are.
        known: tensors that are given.
        wanted: tensors that are computed; those that are known come out as they go in.
        bare: positions of operators that lose their fused activation.
        threads: of the interpreter.
    """

    def __init__(
        self,
        model: schema.ModelT,
        subgraph: int,
        known: Sequence[int],
        wanted: Sequence[int],
        bare: Sequence[int] = (),
        threads: int = 1,
    ) -> None:
        self._wanted = list(wanted)
        self._computed = [each for each in wanted if each not in known]
        self.known = list(known)
        self._interpreter: Any = None
        if self._computed:
            data = part_of(model, subgraph, self.known, self._computed, bare)
            self._interpreter = open_interpreter(
                data, "a part of the model", delegate=False, num_threads=threads
            )

    def run(self, values: Mapping[int, Array]) -> list[Array]:
        """The wanted tensors.

        Args:
            values: by tensor, at least those known.
        """
        found = {each: values[each] for each in self.known}
        if self._interpreter is not None:
            given = [values[each] for each in self.known]
            if resize_inputs(self._interpreter, given):
                self._interpreter.allocate_tensors()
            set_inputs(self._interpreter, given)
            self._interpreter.invoke()
            details = self._interpreter.get_output_details()
            for tensor, detail in zip(self._computed, details, strict=True):
                found[tensor] = self._interpreter.get_tensor(detail["index"])
        return [found[each] for each in self._wanted]


class Activations:
    """Two networks side by side: the dense one, and one whose layers are pruned one by one.

    Args:
        dense: the dense model.
        pruned: the same model in another tree, whose weights a caller changes; operators and the
            numbers of tensors stay the same.
        subgraph: of both.
        samples: for the inputs of the subgraph.
        layers: positions of the operators that will be asked for.
        threads: of the interpreters.
    """

    def __init__(
        self,
        dense: schema.ModelT,
        pruned: schema.ModelT,
        subgraph: int,
        samples: Samples,
        layers: Sequence[int],
        threads: int,
    ) -> None:
        self._models = (dense, pruned)
        self._subgraph, self._threads = subgraph, threads
        self._left = sorted(layers)
        graph = dense.subgraphs[subgraph]
        inputs = flatbuffer.indices(graph.inputs)
        batch = batch_of(graph)
        self.runs = len(samples) // batch
        held = {tensor: _Inputs(samples, place, batch) for place, tensor in enumerate(inputs)}
        self._point = _Point(0, held, held)
        self._changed = False
        first = [held[tensor][0] for tensor in inputs]
        self._varying = varying_tensors(graph)
        self._sizes = _tensor_sizes(dense, subgraph, first, self._varying)

    def of(self, position: int) -> Iterator[tuple[Array, Array]]:
        """What a layer is to be rebuilt from, picture by picture.

        Args:
            position: of the layer's operator.

        Yields:
            Its input in the pruned network, and the operator's output in the dense one, before
            its fused activation.
        """
        graph = self._models[0].subgraphs[self._subgraph]
        operator = graph.operators[position]
        op = flatbuffer.operator_name(self._models[0], operator)
        tensor, output = inputs_of(op, operator).activation, flatbuffer.indices(operator.outputs)[0]
        if self._same:
            part = self._part(0, [tensor, output], [position])
            for run in range(self.runs):
                found, target = part.run(self._values(self._point.dense, run, part.known))
                yield found, target
            return
        dense = self._part(0, [output], [position])
        pruned = self._part(1, [tensor])
        for run in range(self.runs):
            (target,) = dense.run(self._values(self._point.dense, run, dense.known))
            (found,) = pruned.run(self._values(self._point.pruned, run, pruned.known))
            yield found, target

    def change(self) -> None:
        """Say that a layer of the pruned network has new weights."""
        self._changed = True

    def pass_by(self, position: int) -> None:
        """Say that a layer, and all before it, will not be asked for any more."""
        self._left = [each for each in self._left if each > position]
        if self._left:
            self._move()

    @property
    def _same(self) -> bool:
        """Whether the two networks do not differ yet."""
        return self._point.same and not self._changed

    def _part(self, which: int, wanted: Sequence[int], bare: Sequence[int] = ()) -> Part:
        model = self._models[which]
        known = _needed(model, self._subgraph, sorted(self._point.dense), wanted)
        return Part(model, self._subgraph, known, wanted, bare, self._threads)

    def _values(self, held: Mapping[int, Any], run: int, wanted: Sequence[int]) -> dict[int, Array]:
        return {tensor: held[tensor][run] for tensor in wanted}

    def _move(self) -> None:
        """Keep the tensors of a later point, if there is a narrow one."""
        graph = self._models[0].subgraphs[self._subgraph]
        begin, end = self._point.at, self._left[0]
        live = {
            at: live_tensors(graph, at, self._left, self._varying)
            for at in range(begin + 1, end + 1)
        }
        if not live:
            return
        width = {at: sum(self._sizes[tensor] for tensor in each) for at, each in live.items()}
        best = min(width, key=lambda at: (width[at], -at))
        now = sum(self._sizes[tensor] for tensor in self._point.dense)
        far = end - begin > _FAR
        if (width[best] <= _WIDER * now or far) and self._has_room(live[best]):
            self._keep(best, live[best])

    def _has_room(self, tensors: list[int]) -> bool:
        new = sum(self._sizes[each] for each in tensors if each not in self._point.dense)
        networks = 1 if self._same else 2
        free = shutil.disk_usage(tempfile.gettempdir()).free
        return new * self.runs * networks + _SPARE_DISK < free

    def _keep(self, at: int, tensors: list[int]) -> None:
        same = self._same
        kept: list[dict[int, Any]] = []
        for which, held in enumerate((self._point.dense, self._point.pruned)):
            if which == 1 and same:
                kept.append(kept[0])
                continue
            # What is kept already lies before every layer that has changed since.
            new = [each for each in tensors if each not in held]
            part, spools = self._part(which, new), {each: Spool() for each in new}
            for run in range(self.runs):
                for spool, value in zip(
                    spools.values(), part.run(self._values(held, run, part.known)), strict=True
                ):
                    spool.append(value[np.newaxis], "an activation")
            kept.append({each: spools.get(each) or held[each] for each in tensors})
        self._point = _Point(at, kept[0], kept[1])


def _tensor_sizes(
    model: schema.ModelT, subgraph: int, values: Sequence[Array], varying: Set[int]
) -> dict[int, int]:
    """Bytes of every tensor that varies with the inputs, for one set of these."""
    inputs = flatbuffer.indices(model.subgraphs[subgraph].inputs)
    wanted = sorted(varying - set(inputs))
    sizes = {tensor: value.nbytes for tensor, value in zip(inputs, values, strict=True)}
    part = Part(model, subgraph, inputs, wanted)
    found = part.run(dict(zip(inputs, values, strict=True)))
    return sizes | {tensor: each.nbytes for tensor, each in zip(wanted, found, strict=True)}


def _needed(
    model: schema.ModelT, subgraph: int, known: Sequence[int], wanted: Sequence[int]
) -> list[int]:
    """Those of the known tensors that computing others takes."""
    graph = model.subgraphs[subgraph]
    used = set(wanted)
    for position in operators_between(graph, known, wanted):
        used.update(flatbuffer.indices(graph.operators[position].inputs))
    return [each for each in known if each in used]


def batch_of(graph: schema.SubGraphT) -> int:
    """How many samples a graph takes at once: the first size of its inputs.

    Raises:
        ValueError: if its inputs do not have the same.
    """
    sizes = set()
    for index in flatbuffer.indices(graph.inputs):
        shape = flatbuffer.indices(graph.tensors[index].shape)
        sizes.add(max(shape[0], 1) if shape else 0)
    if len(sizes) != 1 or 0 in sizes:
        raise ValueError(
            "the model's inputs do not have a batch as their first dimension, of the same size in "
            "each; such models are not supported."
        )
    return int(sizes.pop())
