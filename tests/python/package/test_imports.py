# SPDX-License-Identifier: Apache-2.0
"""The arrows between the folders of the package: who may import what.

The tables are read against the import statements of every module, those in functions and for type
checkers included. A folder stands for everything in it.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import ubp

PYTHON = Path(__file__).parents[3] / "python"

_TRAINING = {"jax", "keras", "tensorflow", "tensorflow_model_optimization", "tf_keras", "torch"}
_TFLITE = {"ai_edge_litert", "flatbuffers"}

# Folders that put others together: nothing below them knows them.
_TOGETHER = {"ubp.android", "ubp.check", "ubp.cli", "ubp.reporting", "ubp.timing"}
# conversion/load alone meets the packages that models come from.
_CONVERSION = {
    f"ubp.conversion.{step}"
    for step in (
        "candidates",
        "channel_scales",
        "converter",
        "cover",
        "decide",
        "find",
        "layer_report",
        "open_sizes",
        "operator_view",
        "output_shape",
        "pack",
        "rewrite",
        "stored_types",
        "transposed",
        "unpacking",
        "whole",
    )
}
_HELPERS = {
    "ubp.arguments",
    "ubp.deprecated",
    "ubp.extras",
    "ubp.log",
    "ubp.machine",
    "ubp.output",
    "ubp.progress",
}
_HOUSES = {
    "ubp.conversion",
    "ubp.data",
    "ubp.format",
    "ubp.latency",
    "ubp.mapping",
    "ubp.masking",
    "ubp.pruning",
    "ubp.quantization",
    "ubp.reconstruction",
    "ubp.runtime",
    "ubp.selection",
    "ubp.tflite",
    "ubp.tflite_pruning",
    "ubp.torch",
}
# The solver of reconstruction, which knows arrays alone.
_SOLVER = {
    f"ubp.reconstruction.{part}"
    for part in (
        "admm",
        "budget",
        "curves",
        "layer",
        "moments",
        "patches",
        "problem",
        "projection",
        "refit",
        "swaps",
        "threads",
    )
}

# The rules of masks, which no framework is needed for; saved_with_model.py serves Keras.
_MASKING = {
    f"ubp.masking.{part}"
    for part in (
        "admm",
        "choice",
        "given_masks",
        "importance",
        "kernel_pattern",
        "patterns",
        "pruning_settings",
        "regularized",
        "reweighted",
        "schedules",
        "scopes",
        "updates",
    )
}

# What a folder knows nothing of.
KNOWS_NOTHING_OF = {
    **dict.fromkeys(_HELPERS, _TRAINING | _TFLITE | _TOGETHER | _HOUSES | {"ubp.costs"}),
    "ubp.data": _TRAINING | _TFLITE | _TOGETHER | _HOUSES - {"ubp.data"} | {"ubp.lanes"},
    "ubp.selection": _TRAINING | _TFLITE | _TOGETHER | _HOUSES - {"ubp.selection"},
    "ubp.masking": _TFLITE | _TOGETHER
    | _HOUSES - {"ubp.format", "ubp.latency", "ubp.masking", "ubp.selection"},
    **dict.fromkeys(_MASKING, _TRAINING),
    "ubp.torch": _TFLITE | _TOGETHER | {"keras", "tensorflow", "jax"}
    | _HOUSES - {"ubp.masking", "ubp.torch"},
    "ubp.pruning": _TFLITE | _TOGETHER
    | {"ubp.conversion", "ubp.mapping", "ubp.quantization", "ubp.reconstruction", "ubp.runtime"}
    | {"ubp.tflite", "ubp.torch"},
    "ubp.quantization": _TOGETHER | {"ubp.reconstruction", "ubp.selection", "ubp.tflite_pruning"},
    "ubp.reconstruction": _TFLITE | _TOGETHER
    | {"ubp.conversion", "ubp.quantization", "ubp.runtime", "ubp.tflite"},
    **dict.fromkeys(
        _SOLVER, _TRAINING | _TFLITE | _TOGETHER | _HOUSES - {"ubp.reconstruction", "ubp.selection"}
    ),
    "ubp.latency": _TRAINING | _TFLITE | _TOGETHER | _HOUSES - {"ubp.format", "ubp.latency"},
    "ubp.mapping": _TFLITE | _TOGETHER
    | {"ubp.conversion", "ubp.quantization", "ubp.runtime", "ubp.tflite", "ubp.tflite_pruning"},
    "ubp.format": _TRAINING | {"ai_edge_litert"} | _TOGETHER | _HOUSES - {"ubp.format"},
    "ubp.tflite": _TRAINING | _TOGETHER | _HOUSES - {"ubp.tflite"} | {"ubp.costs", "ubp.lanes"},
    "ubp.runtime": _TRAINING | {"ubp.check", "ubp.cli", "ubp.conversion", "ubp.pruning"}
    | {"ubp.reporting", "ubp.selection"},
    "ubp.conversion": _TOGETHER | {"ubp.mapping", "ubp.quantization", "ubp.selection"},
    **dict.fromkeys(_CONVERSION, _TRAINING | _TOGETHER | {"ubp.pruning", "ubp.selection"}),
    "ubp.tflite_pruning": _TRAINING | _TOGETHER
    | {"ubp.pruning", "ubp.quantization", "ubp.reconstruction.network"},
    "ubp.check": _TRAINING | {"ubp.cli", "ubp.pruning", "ubp.reporting", "ubp.timing"},
    "ubp.timing": _TRAINING | {"ubp.check", "ubp.cli", "ubp.pruning", "ubp.reporting"},
    "ubp.reporting": _TRAINING | {
        "ubp.cli",
        "ubp.conversion.decide",
        "ubp.conversion.find",
        "ubp.conversion.load",
        "ubp.pruning",
        "ubp.runtime.interpreter",
        "ubp.selection",
        "ubp.tflite",
    },
}  # fmt: skip

# Folders, each of which knows none after it.
ORDERS = [
    [
        "ubp.selection.native",
        "ubp.selection.layer",
        "ubp.selection.network",
        "ubp.selection.order",
        "ubp.selection.curves",
    ],
    # The way of a model through its conversion.
    [
        "ubp.conversion.load",
        "ubp.conversion.operator_view",
        "ubp.conversion.output_shape",
        "ubp.conversion.transposed",
        "ubp.conversion.candidates",
        "ubp.conversion.find",
        "ubp.conversion.cover",
        "ubp.conversion.stored_types",
        "ubp.conversion.decide",
        "ubp.conversion.whole",
        "ubp.conversion.pack",
        "ubp.conversion.channel_scales",
        "ubp.conversion.rewrite",
        "ubp.conversion.converter",
    ],
    [
        f"ubp.reconstruction.{part}"
        for part in ("moments", "problem", "refit", "projection", "admm", "swaps", "layer")
    ],
    ["ubp.reconstruction.admm", "ubp.reconstruction.curves", "ubp.reconstruction.network"],
    ["ubp.tflite", "ubp.runtime", "ubp.conversion", "ubp.check", "ubp.reporting", "ubp.cli"],
    ["ubp.tflite", "ubp.runtime", "ubp.conversion", "ubp.tflite_pruning", "ubp.cli"],
    [
        f"ubp.quantization.{part}"
        for part in (
            "result",
            "weights",
            "boundaries",
            "source",
            "calibration",
            "converting",
            "quantizer",
        )
    ],
    [
        f"ubp.tflite_pruning.{part}"
        for part in ("layers", "activations", "moments", "budgets", "rebuild", "pruner")
    ],
    ["ubp.tflite", "ubp.runtime", "ubp.conversion", "ubp.timing", "ubp.reporting", "ubp.cli"],
    [
        "ubp.selection",
        "ubp.masking",
        "ubp.pruning.settings",
        "ubp.pruning.layers",
        "ubp.pruning.training",
        "ubp.pruning.cloning",
        "ubp.pruning.channels",
        "ubp.pruning.removal",
    ],
]

# What only these import, and what is in it itself.
ONLY_FOR = {"ubp.cli": {"ubp.__main__"}}

# Packages in which no module has the name of a public function.
DISTINCT_NAMES = [
    "ubp",
    "ubp.check",
    "ubp.conversion",
    "ubp.format",
    "ubp.latency",
    "ubp.mapping",
    "ubp.masking",
    "ubp.pruning",
    "ubp.quantization",
    "ubp.reconstruction",
    "ubp.runtime",
    "ubp.selection",
    "ubp.tflite_pruning",
    "ubp.timing",
    "ubp.timing.android",
]


def is_in(module: str, folder: str) -> bool:
    """Whether a module is a folder, or in it."""
    return module == folder or module.startswith(f"{folder}.")


def modules(python: Path) -> dict[str, Path]:
    """The modules of the package by name."""
    found = {}
    for path in sorted((python / "ubp").rglob("*.py")):
        parts = path.relative_to(python).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


# What Python 3.11 or later brought, of what the package may be tempted by; "*": the whole module.
# Type checkers know all of it.
_NEWER = {
    "asyncio": {"Runner", "TaskGroup", "timeout"},
    "contextlib": {"chdir"},
    "datetime": {"UTC"},
    "enum": {"ReprEnum", "StrEnum", "member", "nonmember", "verify"},
    "hashlib": {"file_digest"},
    "itertools": {"batched"},
    "math": {"cbrt", "exp2", "sumprod"},
    "tomllib": {"*"},
    "typing": {"LiteralString", "Never", "NotRequired", "Required", "Self", "TypeVarTuple"}
    | {"Unpack", "assert_never", "assert_type", "dataclass_transform", "override", "reveal_type"},
    "warnings": {"deprecated"},
}


def too_new(text: str) -> Iterator[str]:
    """What a module's text imports at run time that Python 3.10 does not have."""
    tree = ast.parse(text)
    skipped: set[ast.AST] = set()
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            skipped |= {each for statement in node.body for each in ast.walk(statement)}
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names if "*" in _NEWER.get(name.name, ()))
        elif isinstance(node, ast.ImportFrom):
            newer = _NEWER.get(node.module or "", set())
            names = {name.name for name in node.names}
            yield from (f"{node.module}.{name}" for name in names if name in newer or "*" in newer)
        elif (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.attr in _NEWER.get(node.value.id, set())
        ):
            yield ast.unparse(node)


def imports(module: str, path: Path) -> Iterator[str]:
    """What a module imports: modules, and names that may be modules."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            dots = "." * node.level
            origin = importlib.util.resolve_name(f"{dots}{node.module or ''}", package)
            yield origin
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def forbidden_arrows(python: Path) -> list[str]:
    """Imports that a table forbids, as "importer -> imported"."""
    pairs = {(folder, far) for folder, others in KNOWS_NOTHING_OF.items() for far in others}
    for order in ORDERS:
        pairs |= {(near, far) for index, near in enumerate(order) for far in order[index + 1 :]}
    found = set()
    for module, path in modules(python).items():
        for imported in imports(module, path):
            if any(is_in(module, folder) and is_in(imported, far) for folder, far in pairs):
                found.add(f"{module} -> {imported}")
            for room, allowed in ONLY_FOR.items():
                if is_in(imported, room) and not is_in(module, room) and module not in allowed:
                    found.add(f"{module} -> {imported}")
    return sorted(found)


def test_no_forbidden_arrow() -> None:
    assert forbidden_arrows(PYTHON) == []


def test_folders_of_the_tables_exist() -> None:
    known = modules(PYTHON)
    named = {*KNOWS_NOTHING_OF, *ONLY_FOR, *(folder for order in ORDERS for folder in order)}
    named |= {far for others in KNOWS_NOTHING_OF.values() for far in others if far[:4] == "ubp."}
    assert named <= set(known)


@pytest.mark.parametrize(
    ("module", "line", "imported"),
    [
        ("selection/layer/select.py", "import keras", "keras"),
        ("selection/layer/select.py", "from ..network import score", "ubp.selection.network"),
        ("selection/__init__.py", "from ubp import pruning", "ubp.pruning"),
        ("pruning/a.py", "def f():\n    import ubp.conversion.load", "ubp.conversion.load"),
        ("format/a.py", "if TYPE_CHECKING:\n    from tensorflow import keras", "tensorflow"),
        ("runtime/a.py", "from ubp.cli.shared import run", "ubp.cli.shared"),
        ("tflite/a.py", "from ubp import lanes", "ubp.lanes"),
        ("conversion/find.py", "import keras", "keras"),
        ("conversion/find.py", "from ubp.conversion import decide", "ubp.conversion.decide"),
        ("conversion/converter.py", "from ubp.check import verify", "ubp.check"),
        ("reporting/a.py", "from ubp.conversion.decide import decide", "ubp.conversion.decide"),
    ],
)
def test_a_forbidden_arrow_is_found(tmp_path: Path, module: str, line: str, imported: str) -> None:
    path = tmp_path / "ubp" / module
    path.parent.mkdir(parents=True)
    path.write_text(f"{line}\n")
    assert any(arrow.endswith(f" -> {imported}") for arrow in forbidden_arrows(tmp_path))


def test_every_module_is_for_the_oldest_python() -> None:
    found = {module: list(too_new(path.read_text())) for module, path in modules(PYTHON).items()}
    assert not {module: names for module, names in found.items() if names}


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("from datetime import UTC, datetime", ["datetime.UTC"]),
        ("import datetime\nnow = datetime.datetime.now(datetime.UTC)", ["datetime.UTC"]),
        ("def f():\n    import tomllib", ["tomllib"]),
        ("from tomllib import load", ["tomllib.load"]),
        ("if TYPE_CHECKING:\n    from typing import Self\nfrom typing import Any", []),
        ("if TYPE_CHECKING:\n    pass\nelse:\n    from typing import Self", ["typing.Self"]),
    ],
)
def test_what_is_too_new_is_found(line: str, names: list[str]) -> None:
    assert list(too_new(line)) == names


@pytest.mark.parametrize("package", DISTINCT_NAMES)
def test_no_module_has_the_name_of_a_public_function(package: str) -> None:
    """Importing it would hide the function."""
    home = importlib.import_module(package)
    callables = {name for name in home.__all__ if callable(getattr(home, name))}
    assert not {f"{package}.{name}" for name in callables} & set(modules(PYTHON))


def test_functions_stay_what_they_are_whatever_is_imported() -> None:
    absent = "ubp.torch" if importlib.util.find_spec("torch") is None else "__main__"
    for module in modules(PYTHON):
        if "__main__" not in module and not is_in(module, absent):
            importlib.import_module(module)
    for name in ubp.__all__:
        assert not isinstance(getattr(ubp, name), ModuleType), name
    assert ubp.convert is importlib.import_module("ubp.conversion.converter").convert
