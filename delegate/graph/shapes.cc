#include "delegate/graph/shapes.h"

#include <algorithm>
#include <cstdint>
#include <string>

namespace ubp {
namespace {

Status Unsuitable(const Dims& input, const std::string& expected) {
  return Status::Error("the input has shape " + ToString(input) + ", expected " + expected + ".");
}

// Ops with a window over an image [batch, height, width, channels].
Status InferWindow(LayerAttributes attributes, const Dims& input, const Pads& padded,
                   ConvShape* shape, Dims* output) {
  const bool any_channels = attributes.in_channels == 0;  // an op without weights
  if (input.size() != 4 || (!any_channels && input[3] != attributes.in_channels)) {
    const std::string channels = any_channels ? "channels" : std::to_string(attributes.in_channels);
    return Unsuitable(input, "[batch, height, width, " + channels + "]");
  }
  if (any_channels) attributes.in_channels = attributes.out_channels = input[3];
  UBP_RETURN_IF_ERROR(MakeConvShape(attributes, input[0], input[1] + padded.top + padded.bottom,
                                    input[2] + padded.left + padded.right, shape));
  shape->in_h = input[1];
  shape->in_w = input[2];
  shape->pad_top += padded.top;
  shape->pad_left += padded.left;
  *output = {shape->batch, shape->out_h, shape->out_w, shape->out_c};
  return Status::Ok();
}

Status InferFullyConnected(const LayerAttributes& attributes, const Dims& input, ConvShape* shape,
                           Dims* output) {
  int64_t elements = 1;
  for (const int dim : input) {
    elements *= dim;
    if (dim < 1 || elements >= int64_t{1} << 31) {
      return Unsuitable(input, "fewer than 2^31 elements");
    }
  }
  const std::string channels = std::to_string(attributes.in_channels);
  if (elements % attributes.in_channels != 0) {
    return Unsuitable(input, "a multiple of " + channels + " elements");
  }
  if (attributes.keep_num_dims && (input.empty() || input.back() != attributes.in_channels)) {
    return Unsuitable(input, "[..., " + channels + "]");
  }
  const int rows = static_cast<int>(elements / attributes.in_channels);
  UBP_RETURN_IF_ERROR(MakeConvShape(attributes, rows, 1, 1, shape));
  *output = attributes.keep_num_dims ? input : Dims{rows, 0};
  output->back() = attributes.out_channels;
  return Status::Ok();
}

Status InferPad(const Pads& pads, const Dims& input, Dims* output) {
  if (input.size() != 4) return Unsuitable(input, "[batch, height, width, channels]");
  *output = input;
  (*output)[1] += pads.top + pads.bottom;
  (*output)[2] += pads.left + pads.right;
  return Status::Ok();
}

Status InferMean(bool keep_dims, const Dims& input, Dims* output) {
  if (input.size() != 4) return Unsuitable(input, "[batch, height, width, channels]");
  *output = keep_dims ? Dims{input[0], 1, 1, input[3]} : Dims{input[0], input[3]};
  return Status::Ok();
}

Status InferReshape(const Dims& input, Dims* output) {
  if (input.size() == 4 && input[1] == 1 && input[2] == 1) {
    *output = {input[0], input[3]};
  } else if (input.size() == 2) {
    *output = {input[0], 1, 1, input[1]};
  } else {
    return Unsuitable(input, "[batch, 1, 1, channels] or [batch, channels]");
  }
  return Status::Ok();
}

// An op without a window, of any rank; [first, second, ...] are its inputs.
Status InferElements(const std::vector<Dims>& inputs, const GraphOp& op, Dims* output) {
  if (op.type == OpType::kConcatenation) {
    UBP_RETURN_IF_ERROR(ConcatenationDims(inputs, output));
  } else if (inputs.size() == 2) {
    UBP_RETURN_IF_ERROR(BroadcastDims(inputs[0], inputs[1], output));
  } else {
    *output = inputs[0];
  }
  int64_t elements = 1;
  for (const int dim : *output) {
    elements *= dim;
    if (dim < 1 || elements >= int64_t{1} << 31) {
      return Status::Error("the output has shape " + ToString(*output) +
                           ", expected fewer than 2^31 elements and no empty dimension.");
    }
  }
  const ConstantOperand& constant = op.constant;
  if (output->empty() || (constant.count > 1 && output->back() != constant.count)) {
    return Unsuitable(inputs[0], "[..., " + std::to_string(constant.count) + "]");
  }
  return Status::Ok();
}

}  // namespace

std::string ToString(const Dims& dims) {
  std::string text = "[";
  for (size_t i = 0; i < dims.size(); ++i) text += (i ? ", " : "") + std::to_string(dims[i]);
  return text + "]";
}

bool IsVectorFor(const Dims& dims, const Dims& image) {
  return dims.size() == 4 && image.size() == 4 && (dims[0] == image[0] || dims[0] == 1) &&
         dims[1] == 1 && dims[2] == 1 && dims[3] == image[3];
}

Status BroadcastDims(const Dims& a, const Dims& b, Dims* output) {
  *output = IsVectorFor(a, b) ? b : a;
  if (a == b || IsVectorFor(a, b) || IsVectorFor(b, a)) return Status::Ok();
  return Status::Error("operands of shapes " + ToString(a) + " and " + ToString(b) +
                       ", expected equal ones, or an image and [batch, 1, 1, channels].");
}

Status ConcatenationDims(const std::vector<Dims>& inputs, Dims* output) {
  *output = inputs[0];
  if (output->empty()) return Unsuitable(*output, "at least one dimension");
  int64_t last = 0;
  for (const Dims& input : inputs) {
    const bool same = input.size() == output->size() &&
                      std::equal(input.begin(), input.end() - 1, output->begin());
    if (!same || input.back() < 0) {
      return Status::Error("inputs of shapes " + ToString(inputs[0]) + " and " + ToString(input) +
                           ", expected to differ in the last dimension only.");
    }
    last += input.back();
  }
  if (last > kMaxChannels) {
    return Status::Error("the output has " + std::to_string(last) + " channels, expected at most " +
                         std::to_string(kMaxChannels) + ".");
  }
  output->back() = static_cast<int>(last);
  return Status::Ok();
}

Status InferShape(const GraphOp& op, const std::vector<Dims>& inputs, const Pads& padded,
                  ConvShape* shape, Dims* output) {
  const Dims& input = inputs[0];
  switch (op.type) {
    case OpType::kConv2D:
    case OpType::kDepthwiseConv2D:
    case OpType::kMaxPool2D:
    case OpType::kAveragePool2D:
      return InferWindow(op.attributes, input, padded, shape, output);
    case OpType::kFullyConnected:
      return InferFullyConnected(op.attributes, input, shape, output);
    case OpType::kPad:
      return InferPad(op.pads, input, output);
    case OpType::kMean:
      return InferMean(op.keep_dims, input, output);
    case OpType::kReshape:
      return InferReshape(input, output);
    case OpType::kConcatenation:
    case OpType::kSoftmax:
    case OpType::kAdd:
    case OpType::kSub:
    case OpType::kMul:
    case OpType::kClamp:
    case OpType::kLeakyRelu:
    case OpType::kHardSwish:
    case OpType::kLogistic:
    case OpType::kTanh:
      return InferElements(inputs, op, output);
  }
  return Status::Error("the op has an unknown type.");
}

}  // namespace ubp
