# SPDX-License-Identifier: Apache-2.0
"""Running models that a user hands in: interpreters, the ways into a model, and what cannot run.

Its entries are the main graph and its signatures. A signature of the main graph is that graph.
Signatures of other subgraphs share variables with it and with each other, so that the order in
which they run matters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter as StandardInterpreter
from ai_edge_litert.interpreter import OpResolverType

from ubp.format import OP_NAMES
from ubp.runtime.delegate import DelegateError
from ubp.runtime.inputs import assumed_shape, resize_inputs, set_inputs, signature_of
from ubp.runtime.interpreter import Interpreter
from ubp.tflite import flatbuffer

_FLEX = "Flex"  # how the names of TensorFlow's own operators begin
_STATE_OPERATORS = ("VAR_HANDLE",)


def open_interpreter(
    model: bytes,
    source: str,
    *,
    delegate: bool,
    num_threads: int = 1,
    plain: bool = False,
    options: Mapping[str, Any] | None = None,
) -> Any:
    """An interpreter with allocated tensors, of assumed sizes where those of the file do not do.

    Args:
        model: a .tflite file.
        source: what to call it in an error.
        delegate: attach the UBP delegate.
        num_threads: of the interpreter.
        plain: without the default delegate (XNNPACK), so that all tensors have a shape.
        options: of the delegate.

    Raises:
        ValueError: if the delegate refuses its options.
        RuntimeError: if the interpreter cannot run the model, with the reason in a sentence.
    """
    try:
        if delegate:
            interpreter: Any = Interpreter(model, num_threads, **(options or {}))
        else:
            kind = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES if plain else None
            interpreter = StandardInterpreter(
                model_content=model,
                num_threads=num_threads,
                **({} if kind is None else {"experimental_op_resolver_type": kind}),
            )
        _allocate(interpreter)
        interpreter.get_input_details()  # fails where a name is no UTF-8
        interpreter.get_output_details()
    except DelegateError:  # which says all there is to say
        raise
    except (RuntimeError, ValueError) as error:
        raise cannot_run(model, source, error) from error
    return interpreter


def _allocate(interpreter: Any) -> None:
    """Sizes that are open are 1 in the file, for which a window may be too large."""
    try:
        interpreter.allocate_tensors()
    except RuntimeError:
        details = [each for each in interpreter.get_input_details() if -1 in signature_of(each)]
        if not details:
            raise
        for detail in details:
            interpreter.resize_tensor_input(detail["index"], assumed_shape(detail))
        interpreter.allocate_tensors()


def cannot_run(model: bytes, source: str, error: Exception) -> RuntimeError:
    """The error that says why a model cannot be run; `error` is the interpreter's."""
    foreign = _foreign_operators(model)
    flex = [name for name in foreign if name.startswith(_FLEX)]
    if flex:
        kind = f"operators of TensorFlow itself ({', '.join(flex)})"
    elif foreign:
        kind = f"custom operators ({', '.join(foreign)})"
    else:
        reason = " ".join(str(error).split()).removesuffix(".")
        return RuntimeError(f"{source}: the interpreter cannot run this model: {reason}.")
    return RuntimeError(
        f"{source}: has {kind}, which this interpreter does not have; such a model can be "
        "converted, without --verify, but not run here."
    )


def _foreign_operators(model: bytes) -> list[str]:
    tree = flatbuffer.parse(model, "the model")
    return sorted(
        {
            flatbuffer.code_name(code)
            for code in tree.operatorCodes or []
            if flatbuffer.is_custom(code) and flatbuffer.code_name(code) not in OP_NAMES
        }
    )


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
        elif key and index not in entries:
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
