#include "delegate/graph/shapes.h"

#include <algorithm>
#include <cstdint>
#include <string>

namespace ubp {
namespace {

Status Unsuitable(const Dims& input, const std::string& expected) {
  return Status::Error("the input has shape " + ToString(input) + ", expected " + expected + ".");
}

constexpr int64_t kMaxElements = (int64_t{1} << 31) - 1;

Status TooLarge(const Dims& dims) {
  return Status::Error("a tensor of shape " + ToString(dims) +
                       " is too large; tensors of fewer than 2^31 elements are supported.");
}

Status CheckElements(const Dims& dims) {
  int64_t elements = 1;
  for (const int dim : dims) {
    if (dim < 0) return Unsuitable(dims, "known sizes");
    if (dim == 0) return Status::Ok();
    if (elements > kMaxElements / dim) return TooLarge(dims);
    elements *= dim;
  }
  return Status::Ok();
}

// As NumPy and TensorFlow have it: sizes are equal, or one of them is 1; missing ones count as 1.
Status BroadcastDims(const Dims& a, const Dims& b, Dims* output) {
  *output = a.size() < b.size() ? b : a;
  const Dims& shorter = a.size() < b.size() ? a : b;
  const size_t offset = output->size() - shorter.size();
  for (size_t i = 0; i < shorter.size(); ++i) {
    int& size = (*output)[offset + i];
    if (size != shorter[i] && size != 1 && shorter[i] != 1) {
      return Status::Error("operands of shapes " + ToString(a) + " and " + ToString(b) +
                           ", expected equal sizes, or 1.");
    }
    if (size == 1) size = shorter[i];
  }
  return Status::Ok();
}

// Ops with a window over an image [batch, height, width, channels].
Status InferWindow(const GraphOp& op, const Dims& input, const Pads& padded, ConvShape* shape,
                   Dims* output) {
  LayerAttributes attributes = op.attributes;
  const bool any_channels = attributes.in_channels == 0;  // an op without weights
  if (input.size() != 4 || (!any_channels && input[3] != attributes.in_channels)) {
    const std::string channels = any_channels ? "channels" : std::to_string(attributes.in_channels);
    return Unsuitable(input, "[batch, height, width, " + channels + "]");
  }
  if (any_channels) attributes.in_channels = attributes.out_channels = input[3];
  const int64_t height = int64_t{input[1]} + padded.top + padded.bottom;
  const int64_t width = int64_t{input[2]} + padded.left + padded.right;
  if (!any_channels && (height == 0 || width == 0)) {
    return Unsuitable(input, "at least one pixel");
  }
  UBP_RETURN_IF_ERROR(MakeConvShape(attributes, input[0], input[1], input[2], padded, shape));
  *output = {shape->batch, shape->out_h, shape->out_w, shape->out_c};
  return Status::Ok();
}

Status InferFullyConnected(const LayerAttributes& attributes, const Dims& input, ConvShape* shape,
                           Dims* output) {
  if (attributes.keep_num_dims && input.back() != attributes.in_channels) {
    return Unsuitable(input, "[..., " + std::to_string(attributes.in_channels) + "]");
  }
  // As TensorFlow Lite has it, elements that make no whole row are not read.
  const int rows = static_cast<int>(ElementsOf(input) / attributes.in_channels);
  UBP_RETURN_IF_ERROR(MakeConvShape(attributes, rows, 1, 1, shape));
  *output = attributes.keep_num_dims ? input : Dims{rows, 0};
  output->back() = attributes.out_channels;
  return Status::Ok();
}

Status InferPad(const Pads& pads, const Dims& input, Dims* output) {
  if (input.size() != 4) return Unsuitable(input, "[batch, height, width, channels]");
  const int64_t height = int64_t{input[1]} + pads.top + pads.bottom;
  const int64_t width = int64_t{input[2]} + pads.left + pads.right;
  if (height > kMaxElements || width > kMaxElements) return TooLarge(input);
  *output = {input[0], static_cast<int>(height), static_cast<int>(width), input[3]};
  return Status::Ok();
}

Status InferMean(bool keep_dims, const Dims& input, Dims* output) {
  if (input.size() != 4) return Unsuitable(input, "[batch, height, width, channels]");
  *output = keep_dims ? Dims{input[0], 1, 1, input[3]} : Dims{input[0], input[3]};
  return Status::Ok();
}

Status InferReshape(const Dims& target, const Dims& input, Dims* output) {
  *output = target;
  int64_t elements = 1;
  auto rest = output->end();
  for (auto dim = output->begin(); dim != output->end(); ++dim) {
    if (*dim == kRestOfElements) {
      rest = dim;
      continue;
    }
    if (*dim < 0) {
      const auto axis = static_cast<size_t>(OfInput(*dim));
      if (axis >= input.size()) return Unsuitable(input, "more dimensions");
      *dim = input[axis];
    }
    if (*dim > 0 && elements > kMaxElements / *dim) return TooLarge(*output);
    elements *= *dim;
  }
  const int64_t expected = ElementsOf(input);
  if (rest != output->end() && elements > 0 && expected % elements == 0) {
    *rest = static_cast<int>(expected / elements);
    elements = expected;
  }
  if (elements == expected) return Status::Ok();
  return Status::Error("the input has shape " + ToString(input) + ", and is to be reshaped to " +
                       ToString(*output) + ", which has another number of elements.");
}

// An op without a window, of any rank; [first, second, ...] are its inputs.
Status InferElements(const std::vector<Dims>& inputs, const GraphOp& op, Dims* output) {
  if (op.type == OpType::kConcatenation) return ConcatenationDims(inputs, op.axis, output);
  if (inputs.size() == 2) return BroadcastDims(inputs[0], inputs[1], output);
  *output = inputs[0];
  const auto rank = static_cast<size_t>(op.constant.rank);
  if (output->size() < rank) output->insert(output->begin(), rank - output->size(), 1);
  const bool needs_channels = op.constant.count > 1;
  if (needs_channels && (output->empty() || output->back() != op.constant.count)) {
    return Unsuitable(inputs[0], "[..., " + std::to_string(op.constant.count) + "]");
  }
  if (op.type == OpType::kSoftmax && (output->empty() || output->back() == 0)) {
    return Unsuitable(inputs[0], "at least one class");
  }
  return Status::Ok();
}

Status InferAny(const GraphOp& op, const std::vector<Dims>& inputs, const Pads& padded,
                ConvShape* shape, Dims* output) {
  const Dims& input = inputs[0];
  switch (op.type) {
    case OpType::kConv2D:
    case OpType::kDepthwiseConv2D:
    case OpType::kMaxPool2D:
    case OpType::kAveragePool2D:
      return InferWindow(op, input, padded, shape, output);
    case OpType::kFullyConnected:
      return InferFullyConnected(op.attributes, input, shape, output);
    case OpType::kPad:
      return InferPad(op.pads, input, output);
    case OpType::kMean:
      return InferMean(op.keep_dims, input, output);
    case OpType::kReshape:
      return InferReshape(op.reshape, input, output);
    default:
      return InferElements(inputs, op, output);
  }
}

}  // namespace

int64_t ElementsOf(const Dims& dims) {
  if (std::count(dims.begin(), dims.end(), 0) > 0) return 0;
  int64_t elements = 1;
  for (const int dim : dims) elements *= dim;
  return elements;
}

std::string ToString(const Dims& dims) {
  std::string text = "[";
  for (size_t i = 0; i < dims.size(); ++i) text += (i ? ", " : "") + std::to_string(dims[i]);
  return text + "]";
}

bool IsVectorFor(const Dims& dims, const Dims& image) {
  return dims.size() == 4 && image.size() == 4 && (dims[0] == image[0] || dims[0] == 1) &&
         dims[1] == 1 && dims[2] == 1 && dims[3] == image[3];
}

Status ConcatenationDims(const std::vector<Dims>& inputs, int axis, Dims* output) {
  *output = inputs[0];
  const int rank = static_cast<int>(output->size());
  const int place = axis < 0 ? axis + rank : axis;
  if (place < 0 || place >= rank) {
    return Status::Error("CONCATENATION along axis " + std::to_string(axis) + " of " +
                         std::to_string(rank) + ".");
  }
  int64_t size = 0;
  for (const Dims& input : inputs) {
    Dims others = input;
    if (others.size() == output->size()) others[place] = (*output)[place];
    if (others != *output || input[place] < 0) {
      return Status::Error("inputs of shapes " + ToString(inputs[0]) + " and " + ToString(input) +
                           ", expected to differ in dimension " + std::to_string(place) + " only.");
    }
    size += input[place];
  }
  if (size > kMaxElements) return TooLarge(*output);
  (*output)[place] = static_cast<int>(size);
  return Status::Ok();
}

Status InferShape(const GraphOp& op, const std::vector<Dims>& inputs, const Pads& padded,
                  ConvShape* shape, Dims* output) {
  for (const Dims& input : inputs) {
    if (input.empty()) return Unsuitable(input, "at least one dimension");
    UBP_RETURN_IF_ERROR(CheckElements(input));
  }
  UBP_RETURN_IF_ERROR(InferAny(op, inputs, padded, shape, output));
  return CheckElements(*output);
}

}  // namespace ubp
