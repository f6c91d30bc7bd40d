"""Entries: the ways into a model, its main graph and its signatures, and how each is run.

A signature of the main graph is that graph. Signatures of other subgraphs share variables with it
and with each other, so that the order in which they run matters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from ubp.runtime.inputs import resize_inputs, set_inputs
from ubp.tflite import flatbuffer

_STATE_OPERATORS = ("VAR_HANDLE",)


@dataclass(frozen=True)
class Entry:
    """One way into a model.

    subgraph: its index; 0 is the main graph.
    key: of the signature, "" for a main graph that has none.
    inputs, outputs: the signature's names, in the order of the subgraph's tensors; None for the
        main graph, whose tensors have that order already.
    """

    subgraph: int
    key: str
    inputs: tuple[str, ...] | None = None
    outputs: tuple[str, ...] | None = None

    def __str__(self) -> str:
        return f"signature '{self.key}'" if self.key else "the main graph"


def entries_of(model: schema.ModelT) -> list[Entry]:
    """The main graph and then every other subgraph that has a signature.

    One without a name is none: an interpreter cannot be asked for it.
    """
    entries: dict[int, Entry] = {0: Entry(0, "")}
    for signature in model.signatureDefs or []:
        index, key = signature.subgraphIndex, flatbuffer.text(signature.signatureKey)
        if index == 0:
            entries[0] = Entry(0, entries[0].key or key)
        elif key and index not in entries and index < len(model.subgraphs):
            subgraph = model.subgraphs[index]
            entries[index] = Entry(
                index,
                key,
                _names(signature.inputs, flatbuffer.indices(subgraph.inputs)),
                _names(signature.outputs, flatbuffer.indices(subgraph.outputs)),
            )
    return list(entries.values())


def has_state(model: schema.ModelT) -> bool:
    """Whether one inference may change what the next one gives."""
    return any(
        flatbuffer.code_name(code) in _STATE_OPERATORS for code in model.operatorCodes or []
    ) or any(tensor.isVariable for subgraph in model.subgraphs for tensor in subgraph.tensors or [])


class Runner:
    """An entry of one interpreter.

    Args:
        interpreter: one with allocated tensors.
        entry: of its model.
    """

    def __init__(self, interpreter: Any, entry: Entry) -> None:
        self.entry = entry
        self._interpreter = interpreter

    def details(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Of the inputs and of the outputs, as an interpreter gives them."""
        signature = self._signature()
        if signature is None:
            return self._interpreter.get_input_details(), self._interpreter.get_output_details()
        inputs, outputs = signature.get_input_details(), signature.get_output_details()
        return (
            [inputs[name] for name in self.entry.inputs or ()],
            [outputs[name] for name in self.entry.outputs or ()],
        )

    def run(self, values: Sequence[npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
        """All outputs for one array per input; inputs are resized to the arrays' shapes.

        Raises:
            RuntimeError, ValueError: if the interpreter cannot.
        """
        signature = self._signature()
        if signature is not None:
            results = signature(**dict(zip(self.entry.inputs or (), values, strict=True)))
            return [results[name] for name in self.entry.outputs or ()]
        if resize_inputs(self._interpreter, values):
            self._interpreter.allocate_tensors()
        set_inputs(self._interpreter, values)
        self._interpreter.invoke()
        return [
            self._interpreter.get_tensor(detail["index"])
            for detail in self._interpreter.get_output_details()
        ]

    def _signature(self) -> Any:
        """What runs the signature; an interpreter refuses to run while it has another one."""
        if self.entry.inputs is None:
            return None
        return self._interpreter.get_signature_runner(self.entry.key)


def _names(maps: Any, order: list[int]) -> tuple[str, ...]:
    """A signature's names, by the place of their tensors in the subgraph's list."""
    named = [(entry.tensorIndex, flatbuffer.text(entry.name)) for entry in maps or []]
    places = {tensor: place for place, tensor in enumerate(order)}
    named.sort(key=lambda pair: (places.get(pair[0], len(order)), pair[1]))
    return tuple(name for _, name in named)
