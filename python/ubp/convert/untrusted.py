"""What a Keras file may not ask its reader to run, told from its configuration, before it is read.

Keras's `safe_mode` is meant for that, but versions of both packages ignore it for HDF5, and import
whatever module a configuration names. What is looked for, the same for every version and format:

    Python code       in Lambda layers, lambdas as arguments, cell wrappers of tf_keras
    other files       TFSMLayer and TorchModuleWrapper run what is in a file of another kind
    names of code     classes and functions that are neither of Keras or TensorFlow nor registered
                      in this process; of Keras's functions those that compute
"""

from __future__ import annotations

import builtins
from collections.abc import Callable
from types import ModuleType
from typing import Any

from ubp.convert.wrappers import nodes_of

_RUNS_OTHER_FILES = ("TFSMLayer", "TorchModuleWrapper")

_PACKAGES = ("keras", "tf_keras", "tensorflow")

# Where Keras has functions that compute; others download, read and write.
_COMPUTING = frozenset(
    ("activations", "constraints", "initializers", "losses", "metrics", "ops", "regularizers")
)


def code_in(config: Any, package: ModuleType) -> str | None:
    """What of a model's configuration would run code, as a clause; None if nothing does.

    Args:
        config: of JSON: dictionaries, lists and plain values.
        package: keras or tf_keras, with what is registered there.
    """
    return next((reason for node in nodes_of(config) if (reason := _code_of(node, package))), None)


def _code_of(node: dict[str, Any], package: ModuleType) -> str | None:
    if any(key.endswith("_type") and value == "lambda" for key, value in node.items()):
        return f"'{node.get('name', 'a function')}' holds Python code, which may do anything"
    kind, own = node.get("class_name"), node.get("config")
    if not isinstance(kind, str):
        return None
    name = own.get("name", kind) if isinstance(own, dict) else kind
    kind = kind.rpartition(">")[2]
    if kind == "Lambda":
        return f"Lambda layer '{name}' holds Python code, which may do anything"
    if kind == "__lambda__":
        return "a lambda in it is Python code, which may do anything"
    if kind in _RUNS_OTHER_FILES:
        return f"{kind} '{name}' runs code from another file, which may do anything"
    if kind == "function":
        return _foreign(own, node, package, _is_keras_function)
    return _foreign(kind, node, package, _is_of_keras)


def _foreign(
    name: Any, node: dict[str, Any], package: ModuleType, is_known: Callable[[str, Any], bool]
) -> str | None:
    """Why a class or function is not to be looked up; None if it may be, or has no module."""
    module = node.get("module")
    if not isinstance(module, str) or is_known(module, name):
        return None
    registered = package.saving.get_registered_object
    names = (name, node.get("registered_name"))
    if any(isinstance(each, str) and registered(each) is not None for each in names):
        return None
    return f"'{name}' of the module '{module}' is neither of Keras nor registered"


def _is_of_keras(module: str, name: Any) -> bool:
    return module.partition(".")[0] in _PACKAGES


def _is_keras_function(module: str, name: Any) -> bool:
    if module == "builtins":  # where Keras says that its own are
        return isinstance(name, str) and not hasattr(builtins, name)
    root, _, rest = module.replace(".src.", ".").partition(".")
    return root == "tensorflow" or (root in _PACKAGES and rest.partition(".")[0] in _COMPUTING)
