# SPDX-License-Identifier: Apache-2.0
"""What the delegate takes of a model and why not the rest, in its own words."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ubp.runtime.interpreter import Interpreter


@dataclass(frozen=True)
class NodeDecision:
    """One operator of the model, in the order of execution.

    subgraph, node: indices into the model.
    op: the operator's name in the schema, or the custom op's.
    layer: the name of its output tensor, of a fused one the first part; empty where it has none.
    taken: whether the delegate runs it.
    reason: why not; empty if it does.
    kernel: the name of the kernels that run it, where they are others than those of the report, as
        for int8; otherwise None.
    block_size: of a layer that counts as block-sparse, converted or not; otherwise None.
    zeros, speedup: share of the weights, and predicted for the layer alone, of a layer that is not
        converted and has more than a few zeros; otherwise None.
    """

    subgraph: int
    node: int
    op: str
    layer: str
    taken: bool
    reason: str
    kernel: str | None = None
    block_size: int | None = None
    zeros: float | None = None
    speedup: float | None = None


@dataclass(frozen=True)
class DelegateReport:
    """What one interpreter's delegate decided, and the name of the kernels that it runs."""

    kernel: str
    nodes: list[NodeDecision]


def delegate_report(
    model: str | os.PathLike[str] | bytes,
    num_threads: int = 1,
    **delegate_options: Any,
) -> DelegateReport:
    """Load a model with the delegate, without running it.

    Args:
        model: the path or the bytes of a .tflite file, converted or not.
        num_threads, delegate_options: as of `Interpreter`.

    Raises:
        FileNotFoundError, ValueError, RuntimeError: as of `Interpreter`.
    """
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "report.json")
        Interpreter(model, num_threads, report=str(path), **delegate_options)
        # Names in a model file are UTF-8 by convention only.
        report = json.loads(path.read_text("utf-8", errors="replace"))
    nodes = [
        NodeDecision(subgraph, **node)
        for subgraph, nodes in enumerate(report["subgraphs"])
        for node in nodes
    ]
    return DelegateReport(report["kernel"], nodes)
