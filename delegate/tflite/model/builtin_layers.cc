// SPDX-License-Identifier: Apache-2.0
// Operators with weights or a window.

#include <cstdint>
#include <iterator>
#include <string>
#include <vector>

#include "delegate/tflite/model/builtin_readers.h"
#include "delegate/tflite/model/quantized_tensors.h"
#include "tensorflow/lite/builtin_ops.h"

namespace ubp {
namespace {

// What all operators with a sliding window have.
template <typename Params>
Status ReadWindow(const Params& params, int kernel_h, int kernel_w, LayerAttributes* out,
                  Activation* activation) {
  const bool same = params.padding == builtin::Padding::kSame;
  if (!same && params.padding != builtin::Padding::kValid) {
    return Status::Error("the padding is neither SAME nor VALID.");
  }
  UBP_RETURN_IF_ERROR(CheckRange("kernel height", kernel_h, 1, kMaxWindow));
  UBP_RETURN_IF_ERROR(CheckRange("kernel width", kernel_w, 1, kMaxWindow));
  UBP_RETURN_IF_ERROR(CheckRange("vertical stride", params.stride_h, 1, kMaxWindow));
  UBP_RETURN_IF_ERROR(CheckRange("horizontal stride", params.stride_w, 1, kMaxWindow));
  out->padding = same ? Padding::kSame : Padding::kValid;
  out->kernel_h = kernel_h;
  out->kernel_w = kernel_w;
  out->stride_h = params.stride_h;
  out->stride_w = params.stride_w;
  return ReadActivation(params.activation, activation);
}

template <typename Params>
Status ReadDilation(const Params& params, LayerAttributes* out) {
  UBP_RETURN_IF_ERROR(CheckRange("vertical dilation", params.dilation_h, 1, kMaxWindow));
  UBP_RETURN_IF_ERROR(CheckRange("horizontal dilation", params.dilation_w, 1, kMaxWindow));
  out->dilation_h = params.dilation_h;
  out->dilation_w = params.dilation_w;
  return Status::Ok();
}

// Constant weights and a bias; null where there is none.
struct Constants {
  const float* weights = nullptr;
  const float* bias = nullptr;
  Int8Weights int8;  // in place of both, of an int8 op
};

// `lanes` weights per output channel, and the bias; output channels lie along dimension `axis`.
Status ReadWeights(const NodeView& node, const GraphOp& op, const std::string& what, int64_t lanes,
                   int in_channels, int out_channels, int axis, LayerAttributes* attributes,
                   Constants* constants) {
  UBP_RETURN_IF_ERROR(CheckRange("number of input channels", in_channels, 1, kMaxChannels));
  UBP_RETURN_IF_ERROR(CheckRange("number of output channels", out_channels, 1, kMaxChannels));
  UBP_RETURN_IF_ERROR(CheckRange("number of weights per output channel", lanes, 1, kMaxLanes));
  attributes->in_channels = in_channels;
  attributes->out_channels = out_channels;
  if (op.is_int8()) {
    Int8Weights& int8 = constants->int8;
    UBP_RETURN_IF_ERROR(node.ReadInt8(kConstantInput, what, lanes * out_channels, &int8.weights));
    UBP_RETURN_IF_ERROR(
        ReadWeightScales(*node.Input(kConstantInput), what, out_channels, axis, &int8.scales));
    UBP_RETURN_IF_ERROR(CheckRequantization(node, kActivationInput, int8.scales));
    return node.ReadInt32Bias(kBiasInput, out_channels, &int8.bias);
  }
  UBP_RETURN_IF_ERROR(
      node.ReadFloats(kConstantInput, what, lanes * out_channels, &constants->weights));
  return node.ReadBias(kBiasInput, out_channels, &constants->bias);
}

// The window and the shapes, [batch, height, width, channels] and [first,
// kernel_h, kernel_w, last], of a convolution of either kind.
template <typename Params>
Status ReadConvolution(const NodeView& node, LayerAttributes* attributes, Activation* activation,
                       Dims* input, Dims* filter) {
  const Params* params = nullptr;
  UBP_RETURN_IF_ERROR(ReadParams(node, &params));
  UBP_RETURN_IF_ERROR(CheckRank(node.Input(kConstantInput), "filter", 4));
  *input = FileDims(*node.Input(kActivationInput));
  *filter = FileDims(*node.Input(kConstantInput));
  UBP_RETURN_IF_ERROR(ReadWindow(*params, (*filter)[1], (*filter)[2], attributes, activation));
  return ReadDilation(*params, attributes);
}

// [channels, taps] as [taps, channels].
std::vector<float> ByTap(const float* weights, int channels, int64_t taps) {
  std::vector<float> by_tap(channels * taps);
  for (int c = 0; c < channels; ++c) {
    for (int64_t tap = 0; tap < taps; ++tap) by_tap[tap * channels + c] = weights[c * taps + tap];
  }
  return by_tap;
}

// Of as many groups as channels: a depthwise convolution but for the order of its weights.
Status ReadGroupOfEachChannel(const NodeView& node, const Dims& filter, LayerAttributes attributes,
                              GraphOp* op) {
  const int channels = filter[0];
  const int64_t taps = int64_t{filter[1]} * filter[2];
  Constants constants;
  UBP_RETURN_IF_ERROR(
      ReadWeights(node, *op, "filter", taps, channels, channels, 0, &attributes, &constants));
  DepthwiseConv2DOp depthwise;
  depthwise.attributes = attributes;
  depthwise.weights = node.decoded()->Keep(ByTap(constants.weights, channels, taps));
  depthwise.bias = constants.bias;
  op->details = depthwise;
  return Status::Ok();
}

Status ReadConv2D(const NodeView& node, GraphOp* op) {
  Dims input, filter;
  Conv2DOp conv;
  LayerAttributes& attributes = conv.layer.attributes;
  UBP_RETURN_IF_ERROR(
      ReadConvolution<builtin::Conv2DParams>(node, &attributes, &op->activation, &input, &filter));
  if (filter[3] == 1 && filter[0] == input[3] && input[3] > 1 && !op->is_int8()) {
    return ReadGroupOfEachChannel(node, filter, attributes, op);
  }
  if (filter[3] != input[3]) {
    return Status::Error("grouped convolution: " + std::to_string(input[3]) + " input channels, " +
                         std::to_string(filter[3]) + " in the filter.");
  }
  const int64_t lanes = int64_t{filter[1]} * filter[2] * filter[3];
  Constants constants;
  UBP_RETURN_IF_ERROR(
      ReadWeights(node, *op, "filter", lanes, filter[3], filter[0], 0, &attributes, &constants));
  conv.layer.dense = {constants.weights, constants.bias};
  conv.layer.int8 = constants.int8;
  op->details = conv;
  return Status::Ok();
}

Status ReadDepthwiseConv2D(const NodeView& node, GraphOp* op) {
  Dims input, filter;
  DepthwiseConv2DOp depthwise;
  LayerAttributes& attributes = depthwise.attributes;
  UBP_RETURN_IF_ERROR(ReadConvolution<builtin::DepthwiseConv2DParams>(
      node, &attributes, &op->activation, &input, &filter));
  if (filter[0] != 1 || filter[3] != input[3]) {
    return Status::Error("the depth multiplier is not 1: " + std::to_string(input[3]) +
                         " input channels, a filter of shape " + ToString(filter) + ".");
  }
  const int64_t lanes = int64_t{filter[1]} * filter[2];
  Constants constants;
  UBP_RETURN_IF_ERROR(
      ReadWeights(node, *op, "filter", lanes, filter[3], filter[3], 3, &attributes, &constants));
  depthwise.weights = constants.weights;
  depthwise.bias = constants.bias;
  depthwise.int8 = constants.int8;
  op->details = depthwise;
  return Status::Ok();
}

Status ReadFullyConnected(const NodeView& node, GraphOp* op) {
  const builtin::FullyConnectedParams* params = nullptr;
  UBP_RETURN_IF_ERROR(ReadParams(node, &params));
  UBP_RETURN_IF_ERROR(CheckRank(node.Input(kConstantInput), "weight matrix", 2));
  if (params->weights_format != builtin::WeightsFormat::kDefault) {
    return Status::Error("the weight matrix is shuffled.");
  }
  const Dims input = FileDims(*node.Input(kActivationInput));
  const Dims matrix = FileDims(*node.Input(kConstantInput));
  if (input.empty() || input.back() != matrix[1]) {
    return Status::Error("the input has shape " + ToString(input) + ", expected rows of " +
                         std::to_string(matrix[1]) + " elements.");
  }
  FullyConnectedOp dense;
  LayerAttributes& attributes = dense.layer.attributes;
  attributes.kind = OpKind::kFullyConnected;
  attributes.keep_num_dims = params->keep_num_dims != 0;
  UBP_RETURN_IF_ERROR(ReadActivation(params->activation, &op->activation));
  Constants constants;
  UBP_RETURN_IF_ERROR(ReadWeights(node, *op, "weight matrix", matrix[1], matrix[1], matrix[0], 0,
                                  &attributes, &constants));
  dense.layer.dense = {constants.weights, constants.bias};
  dense.layer.int8 = constants.int8;
  op->details = dense;
  return Status::Ok();
}

template <PoolKind kKind>
Status ReadPool2D(const NodeView& node, GraphOp* op) {
  const builtin::Pool2DParams* params = nullptr;
  UBP_RETURN_IF_ERROR(ReadParams(node, &params));
  UBP_RETURN_IF_ERROR(CheckSameQuantization(node, {kActivationInput}, *op));
  Pool2DOp pool;
  pool.kind = kKind;
  UBP_RETURN_IF_ERROR(
      ReadWindow(*params, params->filter_h, params->filter_w, &pool.attributes, &op->activation));
  op->details = pool;
  return Status::Ok();
}

constexpr BuiltinOp kOps[] = {
    {kTfLiteBuiltinConv2d, 1, 4, 2, 3, true, &ReadConv2D},
    {kTfLiteBuiltinDepthwiseConv2d, 1, 4, 2, 3, true, &ReadDepthwiseConv2D},
    {kTfLiteBuiltinFullyConnected, 1, 0, 2, 3, true, &ReadFullyConnected},
    {kTfLiteBuiltinMaxPool2d, 1, 4, 1, 1, true, &ReadPool2D<PoolKind::kMax>},
    {kTfLiteBuiltinAveragePool2d, 1, 4, 1, 1, true, &ReadPool2D<PoolKind::kAverage>},
};

}  // namespace

BuiltinOps LayerOps() { return {kOps, std::size(kOps)}; }

}  // namespace ubp
