# SPDX-License-Identifier: Apache-2.0
"""The interpreter of a case: plain, or with the delegate.

In both the kernels of XNNPACK are off for float32: XNNPACK reads uninitialised memory in rare
graphs; the kernels of the interpreter itself do not. Of int8 XNNPACK says what is right: it is what
everybody has, and it rounds otherwise. The plain one without it keeps all tensors: otherwise it
lets a node overwrite what another still reads, in one graph of 50,000, with RESHAPE and after a
resize. (With XNNPACK, keeping all makes a delegate of every single node.)
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import interpreter as litert

import ubp

Array = npt.NDArray[Any]
Outputs = list[Array] | str  # or why there are none

# The interpreter computed a shape as it ran, of no elements or fewer: it is not the model's error.
UNREADABLE = "the interpreter does not hand out an output"


class Session:
    """An interpreter that goes through the runs of a case."""

    def __init__(
        self,
        model: bytes,
        options: dict[str, str] | None = None,
        shares_memory: bool = False,
        xnnpack: bool = False,
    ) -> None:
        delegates = None if options is None else [ubp.load_delegate(**options)]
        kinds = litert.OpResolverType
        self._interpreter = litert.Interpreter(
            model_content=model,
            experimental_delegates=delegates,
            experimental_op_resolver_type=(
                kinds.AUTO if xnnpack else kinds.BUILTIN_WITHOUT_DEFAULT_DELEGATES
            ),
            experimental_preserve_all_tensors=not (delegates or xnnpack or shares_memory),
        )
        self._said = ""

    def resize(self, shapes: Sequence[list[int] | None]) -> str:
        """Resize the inputs and allocate; returns the error, or nothing."""
        details = self._interpreter.get_input_details()
        try:
            for detail, shape in zip(details, shapes, strict=False):
                if shape is not None:
                    self._interpreter.resize_tensor_input(detail["index"], shape)
            self._interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            return self._new_message(error)
        return ""

    def types(self) -> list[npt.DTypeLike]:
        """The inputs' element types."""
        return [detail["dtype"] for detail in self._interpreter.get_input_details()]

    def shapes(self) -> list[list[int]]:
        return [detail["shape"].tolist() for detail in self._interpreter.get_input_details()]

    def infer(self, inputs: Sequence[Array]) -> Outputs:
        """Run once."""
        try:
            for detail, value in zip(self._interpreter.get_input_details(), inputs, strict=True):
                self._interpreter.set_tensor(detail["index"], value)
            self._interpreter.invoke()
        except (RuntimeError, ValueError) as error:
            return self._new_message(error)
        details = self._interpreter.get_output_details()
        try:
            return [self._interpreter.get_tensor(detail["index"]) for detail in details]
        except ValueError:
            return UNREADABLE

    def _new_message(self, error: Exception) -> str:
        """Of this error: the interpreter says those before it as well."""
        said = str(error).strip()
        new, self._said = said.removeprefix(self._said).strip(), said
        return new or said or repr(error)

    def has_empty_tensors(self) -> bool:
        """Whether any tensor has no elements."""
        return any(0 in detail["shape"] for detail in self._interpreter.get_tensor_details())

    def values(self) -> dict[int, Array]:
        """What all float32 tensors of the plain one hold, constants too; not of unused ones."""
        values = {}
        for detail in self._interpreter.get_tensor_details():
            if detail["dtype"] is np.float32:
                with suppress(ValueError):
                    index = int(detail["index"])
                    values[index] = self._interpreter.get_tensor(index)
        return values
