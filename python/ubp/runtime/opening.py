"""Run: interpreters for the models that a user hands in, and one sentence where one cannot run."""

from __future__ import annotations

from typing import Any

from ai_edge_litert.interpreter import Interpreter as StandardInterpreter
from ai_edge_litert.interpreter import OpResolverType

from ubp.format import OP_NAMES
from ubp.runtime import Interpreter
from ubp.runtime.inputs import assumed_shape, signature_of
from ubp.tflite import flatbuffer

_FLEX = "Flex"  # how the names of TensorFlow's own operators begin


def open_interpreter(
    model: bytes, source: str, *, delegate: bool, num_threads: int = 1, plain: bool = False
) -> Any:
    """An interpreter with allocated tensors, of assumed sizes where those of the file do not do.

    Args:
        model: a .tflite file.
        source: what to call it in an error.
        delegate: attach the UBP delegate.
        num_threads: of the interpreter.
        plain: without the default delegate (XNNPACK), so that all tensors have a shape.

    Raises:
        RuntimeError: if the interpreter cannot run the model, with the reason in a sentence.
    """
    try:
        if delegate:
            interpreter: Any = Interpreter(model, num_threads)
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
