# SPDX-License-Identifier: Apache-2.0
"""Opened: a .tflite file that is to be pruned, the way into it, and what it takes and gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from ubp.arguments import shown
from ubp.conversion.find import is_converted
from ubp.conversion.load.files import Model, tflite_of
from ubp.conversion.open_sizes import has_open_sizes, resolve_shapes
from ubp.data import Input, Samples
from ubp.runtime.inputs import Shape, signature_of
from ubp.runtime.running import Entry, Runner, entries_of, has_state, open_interpreter
from ubp.tflite import flatbuffer
from ubp.tflite.archive import append_archive
from ubp.tflite_pruning.activations import batch_of
from ubp.tflite_pruning.layers import Graph
from ubp.tflite_pruning.rewriting import store_plainly

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class OpenedFile:
    """A .tflite file, and the way into it that is pruned.

    trees: some of the same, since one is changed while others are run.
    """

    data: bytes
    source: str
    entry: Entry
    trees: dict[str, schema.ModelT]

    @staticmethod
    def read(model: Model, signature: str | None) -> OpenedFile:
        """Read a file.

        Args:
            model: its path or bytes.
            signature: whose graph it is about; None: the main graph.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if it is no .tflite file, was converted before, has variables, or no such
                signature.
        """
        data, source = tflite_of(model)
        trees = {
            name: flatbuffer.parse(data, source)
            for name in ("dense", "pruned", "magnitude", "trial")
        }
        tree = trees["dense"]
        if is_converted(tree):
            raise ValueError(
                f"{source}: was converted before; prune the file from before, or that of "
                "'ubp unpack'."
            )
        if has_state(tree):
            raise ValueError(
                f"{source}: has variables, which one inference keeps for the next; such models "
                "are not supported."
            )
        for each in trees.values():
            store_plainly(each)
        return OpenedFile(data, source, _entry(tree, signature, source), trees)

    @property
    def batch(self) -> int:
        """How many samples it takes at once."""
        return batch_of(self.graph("dense").subgraph)

    def graph(self, name: str) -> Graph:
        """The entry's graph in one of the trees."""
        return Graph(self.trees[name], self.entry.subgraph, {})

    def shapes(self, samples: Samples) -> Mapping[tuple[int, int], Shape]:
        """Of tensors, where the file leaves sizes open, for samples."""
        if self.entry.subgraph or not has_open_sizes(self.trees["dense"]):
            return {}
        given = [(self.batch, *column.sample_shape) for column in samples.columns]
        return resolve_shapes(self.data, self.source, given).tensors

    def inputs(self) -> list[Input]:
        """What the entry takes."""
        interpreter = open_interpreter(self.data, self.source, delegate=False)
        graph = self.graph("dense").subgraph
        batch_of(graph)
        details, _ = Runner(interpreter, self.entry).details()
        names = self.entry.inputs or [""] * len(details)
        also = _signature_names(self.trees["dense"], self.entry)
        found = []
        for place, detail in enumerate(details):
            tensor = flatbuffer.indices(graph.inputs)[place]
            shape = tuple(None if size == -1 else int(size) for size in signature_of(detail)[1:])
            own = flatbuffer.text(graph.tensors[tensor].name)
            keys = tuple(key for key in (names[place], *also.get(tensor, ())) if key)
            found.append(Input(own, shape, np.dtype(detail["dtype"]), keys))
        return found

    def packed(self, tree: schema.ModelT) -> bytes:
        """The file of a tree, with what was behind the model."""
        return append_archive(flatbuffer.serialize(tree), self.data)

    def outputs(self, model: bytes, samples: Samples, threads: int) -> Iterator[list[Array]]:
        """The float outputs of the file or one made of it, a batch of the model at a time."""
        interpreter = open_interpreter(model, self.source, delegate=False, num_threads=threads)
        runner, batch = Runner(interpreter, self.entry), self.batch
        for values in samples.batched(batch):
            if len(values[0]) == batch:
                outputs = runner.run(list(values))
                yield [each for each in outputs if each.dtype.kind == "f"]

    def output_names(self) -> list[str]:
        """Of the float outputs."""
        graph = self.graph("dense").subgraph
        tensors = [graph.tensors[index] for index in flatbuffer.indices(graph.outputs)]
        floats = (schema.TensorType.FLOAT32, schema.TensorType.FLOAT16)
        return [flatbuffer.text(each.name) for each in tensors if each.type in floats]


def _entry(tree: schema.ModelT, signature: str | None, source: str) -> Entry:
    entries = entries_of(tree)
    if signature is None:
        return entries[0]
    for entry in entries:
        if entry.key == signature:
            return entry
    known = ", ".join(entry.key for entry in entries if entry.key) or "none"
    raise ValueError(f"{source}: has no signature {shown(signature)}; it has {known}.")


def _signature_names(tree: schema.ModelT, entry: Entry) -> dict[int, tuple[str, ...]]:
    """What signatures call the inputs of an entry, by tensor."""
    found: dict[int, tuple[str, ...]] = {}
    for signature in tree.signatureDefs or []:
        if signature.subgraphIndex == entry.subgraph:
            for each in signature.inputs or []:
                name = flatbuffer.text(each.name)
                found[each.tensorIndex] = (*found.get(each.tensorIndex, ()), name)
    return found
