# SPDX-License-Identifier: Apache-2.0
"""Channel scales: quantisation parameters that a converted int8 layer's tensors need not keep.

The packed weights hold a scale for each channel. Those of the emptied dense weights are the same
numbers, and those of the bias follow from them; with zero points of 8 bytes each they would be a
tenth of a small layer. They are left out where `restore_weight_scales` and `restore_bias_scales`
make the same of what is there.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from ubp.tflite import flatbuffer

_Scales = npt.NDArray[np.float32]


def drop_weight_scales(tensor: schema.TensorT, scales: _Scales) -> None:
    """Leave out the parameters of emptied int8 weights, if they are these scales."""
    if tensor.buffer == flatbuffer.NO_BUFFER and _is_plain(tensor.quantization, scales):
        tensor.quantization = None


def drop_bias_scales(
    subgraph: schema.SubGraphT, activation: int, bias: int, scales: _Scales
) -> None:
    """Leave out the parameters of a bias that one layer reads, if they follow from the others'.

    Args:
        subgraph, activation, bias: the layer's tensors.
        scales: of its weights.
    """
    users = sum(
        flatbuffer.indices(operator.inputs).count(bias)
        for operator in flatbuffer.operators(subgraph)
    )
    tensor = subgraph.tensors[bias]
    expected = _bias_scales(subgraph.tensors[activation], scales)
    if users == 1 and _is_plain(tensor.quantization, expected):
        tensor.quantization = None


def restore_weight_scales(tensor: schema.TensorT, scales: _Scales) -> None:
    """Give int8 weights their parameters, if they have none."""
    if tensor.quantization is None:
        tensor.quantization = _plain(scales)


def restore_bias_scales(
    subgraph: schema.SubGraphT, activation: int, bias: int, scales: _Scales
) -> None:
    """Give the bias of an int8 layer its parameters, if it has none."""
    tensor = subgraph.tensors[bias]
    if tensor.quantization is None:
        tensor.quantization = _plain(_bias_scales(subgraph.tensors[activation], scales))


def _bias_scales(activation: schema.TensorT, scales: _Scales) -> _Scales:
    return np.float32(activation.quantization.scale[0]) * scales


def _plain(scales: _Scales) -> schema.QuantizationParametersT:
    return schema.QuantizationParametersT(
        scale=scales, zeroPoint=np.zeros(scales.size, np.int64), quantizedDimension=0
    )


def _is_plain(found: schema.QuantizationParametersT | None, scales: _Scales) -> bool:
    """Whether parameters are one scale and a zero for each of several channels, and no more."""
    if found is None or found.scale is None or found.zeroPoint is None:
        return False
    return (
        scales.size > 1
        and np.array_equal(found.scale, scales)
        and len(found.zeroPoint) == scales.size
        and not np.any(found.zeroPoint)
        and found.quantizedDimension == 0
        and found.min is None
        and found.max is None
        and found.details is None
    )
