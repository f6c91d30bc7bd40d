# SPDX-License-Identifier: Apache-2.0
"""What is refused of a Keras model, told from the model or its configuration.

Wrappers of tensorflow-model-optimization around layers: a model that still has them computes its
weights in the graph, out of variables, so that nothing could be converted. They are found by name;
nobody needs that package to read a file.

What a file may not ask its reader to run. Keras's `safe_mode` is meant for that, but versions of
both packages ignore it for HDF5, and import whatever module a configuration names. What is looked
for before Keras reads the file, the same for every version and format:

    Python code       in Lambda layers, lambdas as arguments, cell wrappers of tf_keras
    other files       TFSMLayer and TorchModuleWrapper run what is in a file of another kind
    names of code     classes and functions that are neither of Keras or TensorFlow nor registered
                      in this process; of Keras's functions those that compute
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Collection, Iterator
from types import ModuleType
from typing import Any

_TFMOT = "tensorflow_model_optimization"

_PRUNING = (
    "still has the pruning wrapper of tensorflow-model-optimization; convert what "
    "tfmot.sparsity.keras.strip_pruning(model) returns"
)
_CLUSTERING = (
    "still has the clustering wrapper of tensorflow-model-optimization; convert what "
    "tfmot.clustering.keras.strip_clustering(model) returns"
)
_QUANTIZATION = (
    "has the quantization wrapper of tensorflow-model-optimization, but only float32 layers can be "
    "converted; give the model from before quantization, or make an int8 file of the model, loaded "
    "in Python, with ubp.quantize"
)

_ADVICE = {
    "PruneLowMagnitude": _PRUNING,
    "ClusterWeights": _CLUSTERING,
    "ClusterWeightsMHA": _CLUSTERING,
    "ClusterWeightsRNN": _CLUSTERING,
    "QuantizeAnnotate": _QUANTIZATION,
    "QuantizeWrapper": _QUANTIZATION,
    "QuantizeWrapperV2": _QUANTIZATION,
}

QUANTIZERS = frozenset(name for name, advice in _ADVICE.items() if advice is _QUANTIZATION)

_RUNS_OTHER_FILES = ("TFSMLayer", "TorchModuleWrapper")

_PACKAGES = ("keras", "tf_keras", "tensorflow")

# Where Keras has functions that compute; others download, read and write.
_COMPUTING = frozenset(
    ("activations", "constraints", "initializers", "losses", "metrics", "ops", "regularizers")
)


def check_model(model: Any, source: str, allowed: Collection[str] = ()) -> None:
    """Refuse a tf_keras model that has such a wrapper anywhere inside.

    Args:
        model: the model.
        source: what to call it.
        allowed: classes of wrappers that it may have.

    Raises:
        ValueError: naming the layer, and the function that takes its wrapper off.
    """
    for module in model.submodules:
        kind = type(module)
        is_wrapper = kind.__name__ in _ADVICE and kind.__module__.startswith(_TFMOT)
        if is_wrapper and kind.__name__ not in allowed:
            raise _wrapped(source, kind.__name__, module.name)


def check_config(config: Any, source: str) -> None:
    """Refuse the configuration of a model, as its file has it, that names such a wrapper.

    Args:
        config: of JSON: dictionaries, lists and plain values.
        source: what to call the model.

    Raises:
        ValueError: as `check_model`.
    """
    for name, layer in layers_of(config):
        if name in _ADVICE:
            raise _wrapped(source, name, str(layer.get("name", name)))


def check_metadata(metadata: bytes, source: str) -> None:
    """Refuse a SavedModel whose keras_metadata.pb, JSON in a protocol buffer, names such a wrapper.

    Raises:
        ValueError: as `check_model`, without the layer's name.
    """
    for name in _ADVICE:
        if f'"class_name": "{name}"'.encode() in metadata:
            raise _wrapped(source, name)


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


def layers_of(config: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Class name and own configuration of all that a model's configuration has, nested or not."""
    for node in nodes_of(config):
        name, own = node.get("class_name"), node.get("config")
        if isinstance(name, str):
            yield name, own if isinstance(own, dict) else {}


def nodes_of(config: Any) -> Iterator[dict[str, Any]]:
    """All dictionaries of a model's configuration, nested or not."""
    rest = [config]
    while rest:
        node = rest.pop()
        if isinstance(node, dict):
            yield node
        if isinstance(node, dict | list):
            rest.extend(reversed(node.values() if isinstance(node, dict) else node))


def _wrapped(source: str, name: str, layer: str | None = None) -> ValueError:
    culprit = "a layer" if layer is None else f"layer '{layer}'"
    return ValueError(f"{source}: {culprit} {_ADVICE[name]}.")
