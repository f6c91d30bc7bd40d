#include "delegate/graph/builtin_ops.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "delegate/graph/builtin_params.h"
#include "tensorflow/lite/builtin_ops.h"

namespace ubp {
namespace {

// As for block-sparse layers (docs/packed-format.md): sizes computed from a
// layer's attributes fit in 64 bits.

constexpr int kActivationInput = 0;
constexpr int kConstantInput = 1;  // weights, axes, paddings or shape
constexpr int kBiasInput = 2;

Status CheckRange(const std::string& what, int64_t value, int64_t min, int64_t max) {
  if (value >= min && value <= max) return Status::Ok();
  return Status::Error("the " + what + " is " + std::to_string(value) + ", expected " +
                       std::to_string(min) + " to " + std::to_string(max) + ".");
}

Status CheckRank(const TfLiteTensor* tensor, const std::string& what, size_t rank) {
  if (tensor == nullptr) return Status::Error("the " + what + " is missing.");
  const Dims dims = FileDims(*tensor);
  if (dims.size() == rank) return Status::Ok();
  return Status::Error("the " + what + " has shape " + ToString(dims) + ", expected " +
                       std::to_string(rank) + " dimensions.");
}

template <typename Params>
Status ReadParams(const NodeView& node, const Params** params) {
  *params = node.Parameters<Params>();
  return *params ? Status::Ok() : Status::Error("the op has no parameters.");
}

static_assert(static_cast<int>(builtin::Activation::kRelu6) == static_cast<int>(Activation::kRelu6),
              "the runtime and the file number activations alike");

Status ReadActivation(builtin::Activation activation, LayerAttributes* out) {
  static const char* const kNames[] = {"NONE", "RELU",     "RELU_N1_TO_1", "RELU6",
                                       "TANH", "SIGN_BIT", "SIGMOID"};
  const auto number = static_cast<int32_t>(activation);
  if (number >= 0 && number <= static_cast<int32_t>(Activation::kRelu6)) {
    out->activation = static_cast<Activation>(number);
    return Status::Ok();
  }
  const bool known = number > 0 && number <= static_cast<int32_t>(builtin::Activation::kSigmoid);
  return Status::Error("the fused activation is " +
                       (known ? kNames[number] : std::to_string(number)) + ".");
}

// What all operators with a sliding window have.
template <typename Params>
Status ReadWindow(const Params& params, int kernel_h, int kernel_w, LayerAttributes* out) {
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
  return ReadActivation(params.activation, out);
}

template <typename Params>
Status ReadDilation(const Params& params, LayerAttributes* out) {
  UBP_RETURN_IF_ERROR(CheckRange("vertical dilation", params.dilation_h, 1, kMaxWindow));
  UBP_RETURN_IF_ERROR(CheckRange("horizontal dilation", params.dilation_w, 1, kMaxWindow));
  out->dilation_h = params.dilation_h;
  out->dilation_w = params.dilation_w;
  return Status::Ok();
}

// `lanes` weights per output channel, and the bias.
Status ReadWeights(const NodeView& node, const std::string& what, int64_t lanes, int in_channels,
                   int out_channels, GraphOp* op) {
  UBP_RETURN_IF_ERROR(CheckRange("number of input channels", in_channels, 1, kMaxChannels));
  UBP_RETURN_IF_ERROR(CheckRange("number of output channels", out_channels, 1, kMaxChannels));
  UBP_RETURN_IF_ERROR(CheckRange("number of weights per output channel", lanes, 1, kMaxLanes));
  op->attributes.in_channels = in_channels;
  op->attributes.out_channels = out_channels;
  UBP_RETURN_IF_ERROR(
      node.ReadFloats(kConstantInput, what, lanes * out_channels, &op->dense.weights));
  return node.ReadBias(kBiasInput, out_channels, &op->dense.bias);
}

// The window and the shapes, [batch, height, width, channels] and [first,
// kernel_h, kernel_w, last], of a convolution of either kind.
template <typename Params>
Status ReadConvolution(const NodeView& node, GraphOp* op, Dims* input, Dims* filter) {
  const Params* params = nullptr;
  UBP_RETURN_IF_ERROR(ReadParams(node, &params));
  UBP_RETURN_IF_ERROR(CheckRank(node.Input(kConstantInput), "filter", 4));
  *input = FileDims(*node.Input(kActivationInput));
  *filter = FileDims(*node.Input(kConstantInput));
  UBP_RETURN_IF_ERROR(ReadWindow(*params, (*filter)[1], (*filter)[2], &op->attributes));
  return ReadDilation(*params, &op->attributes);
}

Status ReadConv2D(const NodeView& node, GraphOp* op) {
  Dims input, filter;
  UBP_RETURN_IF_ERROR(ReadConvolution<builtin::Conv2DParams>(node, op, &input, &filter));
  if (filter[3] != input[3]) {
    return Status::Error("grouped convolution: " + std::to_string(input[3]) + " input channels, " +
                         std::to_string(filter[3]) + " in the filter.");
  }
  const int64_t lanes = int64_t{filter[1]} * filter[2] * filter[3];
  return ReadWeights(node, "filter", lanes, filter[3], filter[0], op);
}

Status ReadDepthwiseConv2D(const NodeView& node, GraphOp* op) {
  Dims input, filter;
  UBP_RETURN_IF_ERROR(ReadConvolution<builtin::DepthwiseConv2DParams>(node, op, &input, &filter));
  if (filter[0] != 1 || filter[3] != input[3]) {
    return Status::Error("the depth multiplier is not 1: " + std::to_string(input[3]) +
                         " input channels, a filter of shape " + ToString(filter) + ".");
  }
  const int64_t lanes = int64_t{filter[1]} * filter[2];
  return ReadWeights(node, "filter", lanes, filter[3], filter[3], op);
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
  op->attributes.kind = OpKind::kFullyConnected;
  op->attributes.keep_num_dims = params->keep_num_dims;
  UBP_RETURN_IF_ERROR(ReadActivation(params->activation, &op->attributes));
  return ReadWeights(node, "weight matrix", matrix[1], matrix[1], matrix[0], op);
}

Status ReadAdd(const NodeView& node, GraphOp* op) {
  const builtin::AddParams* params = nullptr;
  UBP_RETURN_IF_ERROR(ReadParams(node, &params));
  const Dims first = FileDims(*node.Input(0));
  const Dims second = FileDims(*node.Input(1));
  if (first != second) {
    return Status::Error("broadcasting ADD of " + ToString(first) + " and " + ToString(second) +
                         ".");
  }
  UBP_RETURN_IF_ERROR(CheckRank(node.Input(0), "input", 4));
  return ReadActivation(params->activation, &op->attributes);
}

Status ReadMaxPool2D(const NodeView& node, GraphOp* op) {
  const builtin::Pool2DParams* params = nullptr;
  UBP_RETURN_IF_ERROR(ReadParams(node, &params));
  return ReadWindow(*params, params->filter_h, params->filter_w, &op->attributes);
}

Status ReadMean(const NodeView& node, GraphOp* op) {
  const builtin::MeanParams* params = nullptr;
  std::vector<int32_t> axes;
  UBP_RETURN_IF_ERROR(ReadParams(node, &params));
  UBP_RETURN_IF_ERROR(node.ReadInts(kConstantInput, "list of axes", 2, &axes));
  Dims from_front = axes;
  for (int& axis : from_front) axis += axis < 0 ? 4 : 0;
  std::sort(from_front.begin(), from_front.end());
  if (from_front != Dims{1, 2}) {
    return Status::Error("MEAN over the axes " + ToString(axes) + ", not over height and width.");
  }
  op->keep_dims = params->keep_dims;
  return Status::Ok();
}

Status ReadPad(const NodeView& node, GraphOp* op) {
  std::vector<int32_t> pads;  // [4 axes][before, after]
  UBP_RETURN_IF_ERROR(node.ReadInts(kConstantInput, "table of paddings", 8, &pads));
  if (pads[0] != 0 || pads[1] != 0 || pads[6] != 0 || pads[7] != 0) {
    return Status::Error("PAD of batch or channels by " + ToString(pads) + ".");
  }
  for (const int32_t pad : pads) {
    UBP_RETURN_IF_ERROR(CheckRange("padding", pad, 0, kMaxWindow));
  }
  op->pads = {pads[2], pads[3], pads[4], pads[5]};
  return Status::Ok();
}

// [batch, 1, 1, channels] and [batch, channels].
bool SameButForOnes(const Dims& image, const Dims& flat) {
  return image.size() == 4 && flat.size() == 2 && image[1] == 1 && image[2] == 1 &&
         image[0] == flat[0] && image[3] == flat[1];
}

Status ReadReshape(const NodeView& node, GraphOp*) {
  const Dims input = FileDims(*node.Input(kActivationInput));
  const Dims output = FileDims(*node.Output());
  if (!SameButForOnes(input, output) && !SameButForOnes(output, input)) {
    return Status::Error("RESHAPE of " + ToString(input) + " to " + ToString(output) + ".");
  }
  // [1, -1] would move the rows of a larger batch into the channels.
  const TfLiteTensor* shape = node.Input(kConstantInput);
  if (shape == nullptr || !IsConstant(*shape)) return Status::Ok();
  std::vector<int32_t> sizes;
  UBP_RETURN_IF_ERROR(
      node.ReadInts(kConstantInput, "shape", static_cast<int>(output.size()), &sizes));
  if (sizes.back() == output.back()) return Status::Ok();
  return Status::Error("RESHAPE to " + ToString(sizes) + ".");
}

constexpr BuiltinOp kBuiltinOps[] = {
    {kTfLiteBuiltinConv2d, "CONV_2D", OpType::kConv2D, 1, 4, 2, 3, &ReadConv2D},
    {kTfLiteBuiltinDepthwiseConv2d, "DEPTHWISE_CONV_2D", OpType::kDepthwiseConv2D, 1, 4, 2, 3,
     &ReadDepthwiseConv2D},
    {kTfLiteBuiltinFullyConnected, "FULLY_CONNECTED", OpType::kFullyConnected, 1, 0, 2, 3,
     &ReadFullyConnected},
    {kTfLiteBuiltinAdd, "ADD", OpType::kAdd, 2, 0, 2, 2, &ReadAdd},
    {kTfLiteBuiltinMaxPool2d, "MAX_POOL_2D", OpType::kMaxPool2D, 1, 4, 1, 1, &ReadMaxPool2D},
    {kTfLiteBuiltinMean, "MEAN", OpType::kMean, 1, 4, 2, 2, &ReadMean},
    {kTfLiteBuiltinPad, "PAD", OpType::kPad, 1, 4, 2, 2, &ReadPad},
    {kTfLiteBuiltinReshape, "RESHAPE", OpType::kReshape, 1, 0, 1, 2, &ReadReshape},
};

}  // namespace

const BuiltinOp* FindBuiltinOp(int code) {
  for (const BuiltinOp& op : kBuiltinOps) {
    if (op.code == code) return &op;
  }
  return nullptr;
}

Status ReadBuiltinOp(const BuiltinOp& builtin, const NodeView& node, GraphOp* op) {
  UBP_RETURN_IF_ERROR(
      CheckRange("number of inputs", node.num_inputs(), builtin.min_inputs, builtin.max_inputs));
  for (int i = 0; i < builtin.activations; ++i) {
    UBP_RETURN_IF_ERROR(CheckActivation(node.Input(i), "input"));
    if (builtin.input_rank == 0) continue;
    UBP_RETURN_IF_ERROR(CheckRank(node.Input(i), "input", builtin.input_rank));
  }
  UBP_RETURN_IF_ERROR(CheckActivation(node.Output(), "output"));
  // Those of an operator without weights; the others' are read.
  op->attributes.in_channels = op->attributes.out_channels = 0;
  return builtin.read(node, op);
}

}  // namespace ubp
