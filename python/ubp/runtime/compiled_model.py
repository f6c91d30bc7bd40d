# SPDX-License-Identifier: Apache-2.0
"""ai_edge_litert's CompiledModel, with our delegate as its accelerator."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from typing import Any

from ai_edge_litert import compiled_model as litert
from ai_edge_litert.interpreter import Interpreter as StandardInterpreter

from ubp.arguments import check_whole
from ubp.runtime.accelerator import ThreadStatus
from ubp.runtime.delegate import DelegateError
from ubp.runtime.environment import (
    accelerator_of,
    check_litert,
    litert_environment,
    litert_version,
)
from ubp.runtime.interpreter import model_source


class CompiledModel(litert.CompiledModel):
    """LiteRT's CompiledModel; the layers that ubp.convert packs run in our delegate.

        >>> import keras
        >>> import numpy as np
        >>> import ubp
        >>> model = keras.Sequential([keras.Input((256,)), keras.layers.Dense(64, name="hidden")])
        >>> pruned = ubp.strip(ubp.prune(model, ubp.ConstantSparsity(0.9), layers="hidden"))
        >>> compiled = ubp.CompiledModel(ubp.convert(pruned).model, num_threads=2)
        >>> inputs, outputs = compiled.create_input_buffers(0), compiled.create_output_buffers(0)
        >>> inputs[0].write(np.ones((1, 256), np.float32))
        >>> compiled.run_by_index(0, inputs, outputs)
        >>> outputs[0].read(64, np.float32).shape
        (64,)
        >>> compiled.nodes_taken, compiled.nodes
        (1, 1)

    All methods are LiteRT's own, with the delegate's reason where one fails for that; `from_file`
    and `from_buffer` give a model of this class.

    Args:
        model: the path or the bytes of a .tflite file, converted or not.
        num_threads: for the delegate and for XNNPACK; None: one.
        environment: from `litert_environment`, to share it or to give it options; None: a new one.
        options: the delegate's, see `load_delegate`, for the new environment.

    Attributes:
        nodes: how many nodes of the model the delegate was shown.
        nodes_taken: how many of them it runs. (`is_fully_accelerated` counts XNNPACK's, too.)

    Raises:
        FileNotFoundError, IsADirectoryError: if the model or the delegate's library does not exist.
        ValueError: if the model is no .tflite file, another argument is none of its kind, or the
            delegate refuses an option.
        RuntimeError: if LiteRT is older than 2.2, does not use the delegate, or cannot compile the
            model, such as one with damaged weights; which may show in a later call only.
    """

    nodes: int
    nodes_taken: int

    def __init__(
        self,
        model: str | os.PathLike[str] | bytes | bytearray | memoryview,
        num_threads: int | None = 1,
        *,
        environment: Any = None,
        **options: Any,
    ) -> None:
        source = model_source(model)
        if num_threads is not None:
            check_whole("num_threads", num_threads, 1)
        if environment is not None and options:
            raise ValueError(
                f"the options {', '.join(options)} are given beside environment, which has its "
                "own; give them to litert_environment."
            )
        if environment is None:
            environment = litert_environment(**options)
        cpu = litert.CpuOptions(num_threads=num_threads or 1)
        self._compile(source, environment, options=litert.Options(cpu_options=cpu))

    @classmethod
    def from_file(
        cls,
        model_path: str | os.PathLike[str],
        hardware_accel: Any = None,
        environment: Any = None,
        options: Any = None,
    ) -> CompiledModel:
        """As LiteRT's own; without an environment, one with the delegate is made."""
        return cls._with(model_source(model_path), hardware_accel, environment, options)

    @classmethod
    def from_buffer(
        cls,
        model_data: bytes,
        hardware_accel: Any = None,
        environment: Any = None,
        options: Any = None,
    ) -> CompiledModel:
        """As LiteRT's own; without an environment, one with the delegate is made."""
        return cls._with(model_source(model_data), hardware_accel, environment, options)

    @classmethod
    def _with(
        cls, source: dict[str, Any], hardware_accel: Any, environment: Any, options: Any
    ) -> CompiledModel:
        made = cls.__new__(cls)
        if environment is None:
            environment = litert_environment()
        made._compile(source, environment, hardware_accel=hardware_accel, options=options)
        return made

    def _compile(self, source: dict[str, Any], environment: Any, **arguments: Any) -> None:
        check_litert()
        accelerator = accelerator_of(environment)
        name = str(source.get("model_path", "the model"))
        _check_file(name, source)
        make: Callable[..., Any] = litert.CompiledModel.from_file
        if "model_content" in source:
            make = litert.CompiledModel.from_buffer
        (model,) = source.values()
        before = accelerator.status()
        try:
            compiled = make(model, environment=environment, **arguments)
        except (RuntimeError, ValueError) as error:
            raise _failure(name, error, before, accelerator.status()) from error
        after = accelerator.status()
        if after.requests == before.requests:
            raise RuntimeError(
                f"{name}: LiteRT {litert_version()} has compiled it without the UBP delegate, "
                "which runs models for the CPU only; ask for that, use another version of "
                "ai-edge-litert (2.2 or later), or ubp.Interpreter."
            )
        self.__dict__.update(compiled.__dict__)
        self.nodes, self.nodes_taken = after.nodes, after.nodes_taken
        self._name, self._accelerator = name, accelerator
        self._source = model  # LiteRT reads bytes where they are


def _explained(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method of LiteRT's, whose errors do not say why a delegate has failed."""

    @wraps(method)
    def call(self: CompiledModel, *arguments: Any, **named: Any) -> Any:
        before = self._accelerator.errors()
        try:
            return method(self, *arguments, **named)
        except RuntimeError as error:
            after = self._accelerator.status()
            if after.errors == before:
                raise
            raise RuntimeError(f"{self._name}: {after.error}") from error

    return call


# Any of them may be the first that has the delegate prepare its part of the model.
for _name in (
    "create_input_buffer_by_name",
    "create_input_buffers",
    "create_output_buffer_by_name",
    "create_output_buffers",
    "get_input_buffer_requirements",
    "get_input_tensor_details",
    "get_output_buffer_requirements",
    "get_output_tensor_details",
    "resize_input_tensor",
    "resize_input_tensor_by_name",
    "run_by_index",
    "run_by_name",
):
    setattr(CompiledModel, _name, _explained(getattr(litert.CompiledModel, _name)))


def _check_file(name: str, source: dict[str, Any]) -> None:
    """Refuse what is no whole .tflite file: LiteRT 2.3 crashes on some that are cut short.

    The interpreter verifies the file's structure, where it lies, before it does anything else.
    """
    try:
        StandardInterpreter(**source)
    except ValueError as error:
        reason = " ".join(str(error).split()).removesuffix(".")
        raise ValueError(f"{name}: LiteRT refuses it: {reason}.") from error


def _failure(name: str, error: Exception, before: ThreadStatus, after: ThreadStatus) -> Exception:
    """What to raise where LiteRT has raised an error, which seldom says why."""
    reason = " ".join(str(error).split()).removesuffix(".")
    if after.errors == before.errors:
        return RuntimeError(f"{name}: LiteRT cannot compile it: {reason}.")
    if after.nodes == 0:
        return DelegateError(after.error)
    return RuntimeError(f"{name}: {after.error}")
