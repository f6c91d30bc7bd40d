# SPDX-License-Identifier: Apache-2.0
"""Every public callable with every wrong argument: a sentence that says so, and nothing written."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from file_walks import file_walks, one_convolution
from pruning_walks import pruning_walks
from selection_walks import selection_walks
from wrong_arguments import Walk

import ubp
from ubp.arguments import shown

# Made by the package, or a base class: nobody calls these with arguments of their own.
RESULTS = {
    "BenchmarkResult",
    "BlockStructure",
    "ConversionResult",
    "CostModel",
    "GlobalSelection",
    "LatencyModel",
    "LayerReport",
    "Pattern",
    "PrunedFile",
    "PrunedWithoutTraining",
    "QuantizedFile",
    "SchemeMapping",
    "Selection",
    "Timing",
    "TradeoffCurves",
    "Verification",
}
_KINDS = (ValueError, TypeError, OSError)
# What a sentence may call an argument other than by its name.
_ALSO = {
    "model": ("model", "layer", ".tflite", "no such file", "directory"),
    "dense": ("model", ".tflite", "no such file", "directory"),
    "sparse": ("model", ".tflite", "no such file", "directory"),
    "model_path": ("models",),
    "model_content": ("models",),
    "data": ("no such file",),
    "representative_data": ("data", "no such file"),
    "path": ("path", "no such file", "directory", "standard output"),
    "importances": ("importance",),
    "min_density": ("layer",),
    "shapes": ("shape",),
    "inputs": ("input", "no such file"),
    "interpreters": ("no such file", "the model"),
    "costs": ("cost of a block",),
}


@pytest.fixture(scope="module")
def table() -> dict[str, Walk]:
    """Of a model with one convolution."""
    dense = one_convolution()
    return pruning_walks() | selection_walks() | file_walks(dense, ubp.convert(dense).model)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the calls are made, so that whatever they write is seen."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    plt.close("all")


def test_nothing_public_is_left_out(table: dict[str, Walk]) -> None:
    """Neither a name nor an argument."""
    assert set(ubp.__all__) - RESULTS <= set(table)
    for name, walk in table.items():
        if "(" not in name:
            parameters = inspect.signature(walk.call).parameters.values()
            names = {each.name for each in parameters if each.kind is not each.VAR_KEYWORD}
            assert names <= set(walk.wrong), name


def test_right_arguments_are_taken(table: dict[str, Walk]) -> None:
    """Or else what is refused below may be refused for another reason."""
    for walk in table.values():
        if walk.right or not walk.wrong:
            walk.call(**walk.right)


def test_wrong_arguments_are_refused_in_one_sentence(table: dict[str, Walk], folder: Path) -> None:
    faults = []
    for name, walk in table.items():
        for argument, values in walk.wrong.items():
            for value in values:
                fault = fault_of(walk, argument, value)
                if fault:
                    faults.append(f"{name}({argument}={shown(value)}): {fault}")
    assert not faults, "\n".join(faults)
    assert not list(folder.iterdir())


def fault_of(walk: Walk, argument: str, value: object) -> str:
    """What is wrong with how a call ends; empty if nothing is."""
    try:
        result = walk.call(**{**walk.right, argument: value})
    except _KINDS as error:
        text = str(error)
        names = (argument, *_ALSO.get(argument, ()))
        sound = text.endswith(".") and "\n" not in text and len(text) < 600
        named = any(name in text for name in names)
        return "" if sound and named else f"{type(error).__name__}: {text}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return f"taken: {shown(result)}"
