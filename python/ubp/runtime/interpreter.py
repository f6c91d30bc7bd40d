"""ai_edge_litert's interpreter with our delegate attached."""

from __future__ import annotations

import os
from pathlib import Path

from ai_edge_litert import interpreter as litert

from ubp.runtime.delegate import load_delegate


class Interpreter(litert.Interpreter):
    """The standard interpreter; UbpConv2D and UbpFullyConnected run in our delegate.

    Args:
        model: the path or the bytes of a .tflite file, converted or not.
        num_threads: for the interpreter and, unless told otherwise, the delegate.
        delegate_options: see `load_delegate`.

    Raises:
        FileNotFoundError: if the model or the delegate's library does not exist.
        ValueError: if the model is not a .tflite file, or the delegate refuses an option.
        RuntimeError: if a layer's packed weights are damaged or the delegate's report cannot be
            written, here or in allocate_tensors().
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | bytes | bytearray | memoryview,
        num_threads: int = 1,
        **delegate_options: str | int | os.PathLike[str],
    ) -> None:
        source: dict[str, str | bytes]
        if isinstance(model, str | os.PathLike):
            if not Path(model).is_file():
                raise FileNotFoundError(f"{os.fspath(model)}: no such file.")
            source = {"model_path": os.fspath(model)}
        else:
            source = {"model_content": bytes(model)}
        super().__init__(
            **source,
            num_threads=num_threads,
            experimental_delegates=[load_delegate(**delegate_options)],
        )
