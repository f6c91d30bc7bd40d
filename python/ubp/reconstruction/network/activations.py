# SPDX-License-Identifier: Apache-2.0
"""What enters the layers of one side, batch after batch, in the order of the graph.

The values of tensors that later steps need are kept in temporary files at the place that has been
reached; from there the next place is computed. So each step runs about once for every batch,
however deep the network and whatever its branches, and memory holds the tensors of one batch
between two places.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy.typing as npt

from ubp.reconstruction.network.graph import Graph, Pair
from ubp.reconstruction.network.interception import inputs_in
from ubp.reconstruction.network.spool import Spool
from ubp.reconstruction.network.tensors import as_array, as_tensor

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Site:
    """Where a layer is called.

    Attributes:
        step: its number; that of the layer, or of what calls it.
        calls: how often the step calls it; 0 where the step is the layer's own call.
    """

    step: int
    calls: int = 0


class Activations:
    """One side's values. Not thread-safe.

    Args:
        graph: of the model.
        side: DENSE or OWN.
        inputs: of the model, for each of its inputs all batches.
        places: the steps at which values will be asked for, in rising order.
        to_outputs: whether the model's outputs will be asked for, too.
    """

    def __init__(
        self,
        graph: Graph,
        side: int,
        inputs: Sequence[Spool],
        places: Sequence[int],
        *,
        to_outputs: bool = False,
    ) -> None:
        self._graph, self._side = graph, side
        self._stored = dict(zip(graph.inputs, inputs, strict=True))
        self._batches = len(inputs[0])
        self._given = set(graph.inputs)  # closed by the caller
        self._producers = {
            key: number for number, step in enumerate(graph.steps) for key in step.outputs
        }
        last = [self._producers[key] for key in graph.outputs] if to_outputs else []
        self._needed = self._ancestors([*places, *last])

    def inputs_of(self, layers: Pair, sites: Sequence[Site]) -> Iterator[list[Array]]:
        """For each batch, what enters a layer at each of its sites and calls.

        Args:
            layers: the layer on both sides.
            sites: in rising order; the first is no earlier than where the last call of this began.
        """
        place = sites[0].step
        live = self._live(place)
        added = [key for key in live if key not in self._stored]
        spools = {key: Spool() for key in added}
        wanted = {key for site in sites for key in self._graph.steps[site.step].inputs}
        for batch in range(self._batches):
            values = self._evaluate(batch, {*added, *wanted})
            for key in added:
                spools[key].append(as_array(values[key]))
            yield [each for site in sites for each in self._entering(layers, site, values)]
        for key in [key for key in self._stored if key not in live]:
            spool = self._stored.pop(key)
            if key not in self._given:
                spool.close()
        self._stored |= spools

    def outputs(self, batch: int) -> list[Array]:
        """The model's outputs for a batch, computed from the place that has been reached."""
        values = self._evaluate(batch, self._graph.outputs)
        return [as_array(values[key]) for key in self._graph.outputs]

    def close(self) -> None:
        """Delete what is kept."""
        for key, spool in self._stored.items():
            if key not in self._given:
                spool.close()

    def _entering(self, layers: Pair, site: Site, values: dict[int, Any]) -> list[Array]:
        step, layer = self._graph.steps[site.step], layers[self._side]
        if site.calls:
            run = partial(step.run, self._side, values)
            return [as_array(each) for each in inputs_in(run, layer, site.calls)]
        (key,) = step.inputs
        return [as_array(values[key])]

    def _ancestors(self, places: Sequence[int]) -> set[int]:
        """The steps at these places, and all whose outputs they depend on."""
        found: set[int] = set()
        todo = list(places)
        while todo:
            number = todo.pop()
            if number not in found:
                found.add(number)
                inputs = self._graph.steps[number].inputs
                todo += [self._producers[key] for key in inputs if key in self._producers]
        return found

    def _live(self, place: int) -> set[int]:
        """The tensors that are there before a step, and needed by it or later ones."""
        steps = [number for number in self._needed if number >= place]
        used = {key for number in steps for key in self._graph.steps[number].inputs}
        return {key for key in used if self._producers.get(key, -1) < place}

    def _evaluate(self, batch: int, wanted: Collection[int]) -> dict[int, Any]:
        """The values of some tensors for a batch."""
        values: dict[int, Any] = {}
        steps: set[int] = set()
        todo = list(wanted)
        while todo:
            key = todo.pop()
            if key in values or self._producers.get(key) in steps:
                continue
            if key in self._stored:
                values[key] = as_tensor(self._stored[key].read(batch))
            else:
                steps.add(self._producers[key])
                todo += self._graph.steps[self._producers[key]].inputs
        uses = Counter(key for number in steps for key in self._graph.steps[number].inputs)
        uses.update(wanted)
        for number in sorted(steps):
            step = self._graph.steps[number]
            values |= dict(zip(step.outputs, step.run(self._side, values), strict=True))
            uses.subtract(step.inputs)
            for key in {*step.inputs, *step.outputs}:
                if not uses[key]:  # large ones would pile up
                    values.pop(key, None)
        return values
