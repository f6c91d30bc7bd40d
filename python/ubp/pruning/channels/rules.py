# SPDX-License-Identifier: Apache-2.0
"""What each kind of operation does with channels: one rule per kind, and the list of them.

A rule takes a call and what is known of its tensors, and returns the channels of its output. An
operation that is not on the list, or whose rule refuses it, is not followed: see `follow.py`. Only
exact types are on the list, since a subclass may compute anything.

Tensors are [..., channels], with the batch, positions and the like in front.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers

from ubp.pruning.channels.flow import ChannelFlow, Channels, NotFollowedError, unite
from ubp.pruning.layers.calls import Call

Rule = Callable[[Call, ChannelFlow], Channels]

# Functions that commute with permutations of the channels. Softmax is one, gated units are not.
_ACTIVATIONS = (
    "celu", "elu", "exponential", "gelu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_tanh",
    "leaky_relu", "linear", "log_sigmoid", "log_softmax", "mish", "relu", "relu6", "selu",
    "sigmoid", "silu", "soft_shrink", "softmax", "softplus", "softsign", "squareplus", "tanh",
    "tanh_shrink", "threshold",
)  # fmt: skip


def rule_for(operation: keras.Operation) -> Rule:
    """The rule of an operation's kind.

    Raises:
        NotFollowedError: if there is none.
    """
    kind = type(operation)
    if isinstance(operation, keras.Layer):
        rule = _LAYERS.get(kind)
    else:  # the classes behind keras.ops have no public name but their own
        rule = _OPERATIONS.get(kind.__name__) if kind.__module__.startswith("keras.") else None
    if rule is None:
        raise NotFollowedError("operations of this kind are not followed")
    return rule


def _single_input(call: Call, flow: ChannelFlow) -> Channels:
    if len(call.tensors) != 1:
        raise NotFollowedError(f"it is called on {len(call.tensors)} tensors, not one")
    return flow.channels[id(call.tensors[0])]


def _check_channels_last(layer: Any) -> None:
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        raise NotFollowedError("its channels are not last")


def _check_activation(layer: Any) -> None:
    known = (getattr(keras.activations, name) for name in _ACTIVATIONS)
    if not any(layer.activation is function for function in known):
        raise NotFollowedError("its activation is not known to treat all channels alike")


# ---- layers with weights ---------------------------------------------------------------------


def _mix(call: Call, flow: ChannelFlow) -> Channels:
    """Convolutions, kernel [..., in, out], and dense layers, kernel [in, out]."""
    layer: Any = call.operation
    inputs = _single_input(call, flow)
    _check_channels_last(layer)
    _check_activation(layer)
    produced = [(layer.kernel, -1), (layer.bias, 0)]
    groups = getattr(layer, "groups", 1)
    is_depthwise = groups == layer.kernel.shape[-1] == call.tensors[0].shape[-1]
    if is_depthwise and groups > 1:
        return flow.pass_through(layer, inputs, produced)
    if groups != 1:
        raise NotFollowedError(f"it is a convolution of {groups} groups")
    return flow.produce(layer, inputs, [(layer.kernel, -2)], produced)


def _mix_transposed(call: Call, flow: ChannelFlow) -> Channels:
    """Transposed convolutions: kernel [..., out, in]."""
    layer: Any = call.operation
    inputs = _single_input(call, flow)
    _check_channels_last(layer)
    _check_activation(layer)
    produced = [(layer.kernel, -2), (layer.bias, 0)]
    return flow.produce(layer, inputs, [(layer.kernel, -1)], produced)


def _filter(call: Call, flow: ChannelFlow) -> Channels:
    """Depthwise convolutions: kernel [..., channels, multiplier]."""
    layer: Any = call.operation
    inputs = _single_input(call, flow)
    _check_depthwise(layer)
    return flow.pass_through(layer, inputs, [(layer.kernel, -2), (layer.bias, 0)])


def _filter_and_mix(call: Call, flow: ChannelFlow) -> Channels:
    """Separable convolutions: kernels [..., in, 1] and [..., in, out]."""
    layer: Any = call.operation
    inputs = _single_input(call, flow)
    _check_depthwise(layer)
    consumed = [(layer.depthwise_kernel, -2), (layer.pointwise_kernel, -2)]
    produced = [(layer.pointwise_kernel, -1), (layer.bias, 0)]
    return flow.produce(layer, inputs, consumed, produced)


def _check_depthwise(layer: Any) -> None:
    _check_channels_last(layer)
    _check_activation(layer)
    if layer.depth_multiplier != 1:
        raise NotFollowedError(f"it makes {layer.depth_multiplier} channels of each")


def _normalise(call: Call, flow: ChannelFlow) -> Channels:
    """Batch and layer normalisation: every weight is [channels]."""
    layer: Any = call.operation
    inputs = _single_input(call, flow)
    rank = len(call.tensors[0].shape)
    if np.atleast_1d(layer.axis).tolist() not in ([-1], [rank - 1]):
        raise NotFollowedError(f"it normalises along axis {layer.axis}, not the last one")
    return flow.pass_through(layer, inputs, [(weight, 0) for weight in layer.weights])


def _prelu(call: Call, flow: ChannelFlow) -> Channels:
    """Slopes [..., channels], or [..., 1] if all channels share one."""
    layer: Any = call.operation
    inputs = _single_input(call, flow)
    if layer.alpha.shape[-1] == 1 and call.tensors[0].shape[-1] != 1:
        raise NotFollowedError("its channels share one slope")
    return flow.pass_through(layer, inputs, [(layer.alpha, -1)])


# ---- layers and operations without weights ---------------------------------------------------


def _keep(call: Call, flow: ChannelFlow) -> Channels:
    """Elementwise functions, and what moves or summarises positions within each channel."""
    inputs = _single_input(call, flow)
    _check_channels_last(call.operation)
    return inputs


def _activate(call: Call, flow: ChannelFlow) -> Channels:
    _check_activation(call.operation)
    return _single_input(call, flow)


def _rescale(call: Call, flow: ChannelFlow) -> Channels:
    layer: Any = call.operation
    if np.size(layer.scale) != 1 or np.size(layer.offset) != 1:
        raise NotFollowedError("it scales each channel by a number of its own")
    return _single_input(call, flow)


def _reduce(call: Call, flow: ChannelFlow) -> Channels:
    """keras.ops.mean and the like, along axes other than the last."""
    operation: Any = call.operation
    inputs = _single_input(call, flow)
    rank = len(call.tensors[0].shape)
    axes = range(rank) if operation.axis is None else np.atleast_1d(operation.axis) % rank
    if rank - 1 in axes:
        raise NotFollowedError("it works along the channels")
    return inputs


def _regroup(call: Call, flow: ChannelFlow) -> Channels:
    """Reshape and Flatten: channels repeat for every position that joins them in the last axis."""
    inputs = _single_input(call, flow)
    _check_channels_last(call.operation)
    before, after = call.tensors[0].shape[-1], call.outputs[0].shape[-1]
    if before is None or after is None or after % before:
        raise NotFollowedError(f"it makes {after} channels of {before}")
    joined: int = after // before
    return inputs * joined


def _combine(call: Call, flow: ChannelFlow) -> Channels:
    """Elementwise functions of several tensors; those of one channel apply to all channels."""
    arguments = keras.tree.flatten((call.args, call.kwargs))
    constants = [a for a in arguments if a is not None and not isinstance(a, keras.KerasTensor)]
    if any(isinstance(a, keras.Variable) or np.size(a) != 1 for a in constants):
        raise NotFollowedError("one of its operands is an array")
    widths = [tensor.shape[-1] if tensor.shape else 1 for tensor in call.tensors]
    if None in widths or len({1, *widths}) > 2:
        raise NotFollowedError("the number of channels is not known")
    widest = max(widths)
    operands = [
        flow.channels[id(tensor)]
        for tensor, width in zip(call.tensors, widths, strict=True)
        if width == widest
    ]
    return _united(operands, call)


def _concatenate(call: Call, flow: ChannelFlow) -> Channels:
    operation: Any = call.operation
    ranks = {len(tensor.shape) for tensor in call.tensors}
    if any(tensor.shape[-1] is None for tensor in call.tensors):
        raise NotFollowedError("the number of channels is not known")
    operands = [flow.channels[id(tensor)] for tensor in call.tensors]
    if ranks == {operation.axis % min(ranks) + 1}:
        return tuple(segment for channels in operands for segment in channels)
    return _united(operands, call)


def _united(operands: list[Channels], call: Call) -> Channels:
    first, *others = operands
    for other in others:
        unite(first, other, f"'{call.operation.name}'")
    return first


_OPERATIONS: dict[str, Rule] = {
    **dict.fromkeys(
        ("Absolute", "Cast", "Celu", "Elu", "Exp", "Gelu", "HardShrink", "HardSigmoid", "HardSilu",
         "HardTanh", "LeakyRelu", "LogSigmoid", "LogSoftmax", "Negative", "Relu", "Relu6", "Selu",
         "Sigmoid", "Silu", "SoftShrink", "Softmax", "Softplus", "Softsign", "Sqrt", "Square",
         "StopGradient", "Tanh", "TanhShrink", "Threshold"),
        _keep,
    ),
    **dict.fromkeys(("Max", "Mean", "Min", "Sum"), _reduce),
    **dict.fromkeys(
        ("Add", "Divide", "Maximum", "Minimum", "Multiply", "Power", "Subtract", "TrueDivide"),
        _combine,
    ),
    **dict.fromkeys(("ExpandDims", "Reshape", "Squeeze"), _regroup),
    "Concatenate": _concatenate,
}  # fmt: skip
_LAYERS: dict[type, Rule] = {
    **dict.fromkeys((layers.Conv1D, layers.Conv2D, layers.Conv3D, layers.Dense), _mix),
    **dict.fromkeys(
        (layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose), _mix_transposed
    ),
    **dict.fromkeys((layers.DepthwiseConv1D, layers.DepthwiseConv2D), _filter),
    **dict.fromkeys((layers.SeparableConv1D, layers.SeparableConv2D), _filter_and_mix),
    **dict.fromkeys((layers.BatchNormalization, layers.LayerNormalization), _normalise),
    layers.PReLU: _prelu,
    **dict.fromkeys(
        (layers.ELU, layers.Identity, layers.LeakyReLU, layers.ReLU, layers.Softmax,
         layers.ActivityRegularization, layers.AlphaDropout, layers.Dropout,
         layers.GaussianDropout, layers.GaussianNoise,
         layers.SpatialDropout1D, layers.SpatialDropout2D, layers.SpatialDropout3D,
         layers.AveragePooling1D, layers.AveragePooling2D, layers.AveragePooling3D,
         layers.MaxPooling1D, layers.MaxPooling2D, layers.MaxPooling3D,
         layers.GlobalAveragePooling1D, layers.GlobalAveragePooling2D,
         layers.GlobalAveragePooling3D, layers.GlobalMaxPooling1D, layers.GlobalMaxPooling2D,
         layers.GlobalMaxPooling3D,
         layers.Cropping1D, layers.Cropping2D, layers.Cropping3D,
         layers.UpSampling1D, layers.UpSampling2D, layers.UpSampling3D,
         layers.ZeroPadding1D, layers.ZeroPadding2D, layers.ZeroPadding3D, layers.Resizing),
        _keep,
    ),
    layers.Activation: _activate,
    layers.Rescaling: _rescale,
    **dict.fromkeys((layers.Flatten, layers.Reshape), _regroup),
    **dict.fromkeys(
        (layers.Add, layers.Average, layers.Maximum, layers.Minimum, layers.Multiply,
         layers.Subtract),
        _combine,
    ),
    layers.Concatenate: _concatenate,
}  # fmt: skip
