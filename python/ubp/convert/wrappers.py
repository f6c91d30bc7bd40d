"""The wrappers that tensorflow-model-optimization puts around layers while a model is trained.

A model that still has them computes its weights in the graph, out of variables: nothing of it is
constant, and nothing could be converted. They are found by name, so that nobody needs that package
to read a file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_PACKAGE = "tensorflow_model_optimization"

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
    "converted; give the model from before quantization"
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


def check_model(model: Any, source: str) -> None:
    """Refuse a tf_keras model that has such a wrapper anywhere inside.

    Raises:
        ValueError: naming the layer, and the function that takes its wrapper off.
    """
    for module in model.submodules:
        kind = type(module)
        if kind.__name__ in _ADVICE and kind.__module__.startswith(_PACKAGE):
            raise _error(source, kind.__name__, module.name)


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
            raise _error(source, name, str(layer.get("name", name)))


def check_metadata(metadata: bytes, source: str) -> None:
    """Refuse a SavedModel whose keras_metadata.pb, JSON in a protocol buffer, names such a wrapper.

    Raises:
        ValueError: as `check_model`, without the layer's name.
    """
    for name in _ADVICE:
        if f'"class_name": "{name}"'.encode() in metadata:
            raise _error(source, name)


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


def _error(source: str, name: str, layer: str | None = None) -> ValueError:
    culprit = "a layer" if layer is None else f"layer '{layer}'"
    return ValueError(f"{source}: {culprit} {_ADVICE[name]}.")
