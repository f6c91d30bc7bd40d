// SPDX-License-Identifier: Apache-2.0
#include "delegate/graph/ops.h"

#include <algorithm>
#include <cstdint>
#include <string>

namespace ubp {
namespace {

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
Status InferWindow(LayerAttributes attributes, const InferInputs& inputs, ConvShape* shape,
                   Dims* output) {
  const Dims& input = inputs.dims[0];
  const Pads& padded = inputs.padded;
  const bool any_channels = attributes.in_channels == 0;  // an op without weights
  if (input.size() != 4 || (!any_channels && input[3] != attributes.in_channels)) {
    const std::string channels = any_channels ? "channels" : std::to_string(attributes.in_channels);
    return UnsuitableInput(input, "[batch, height, width, " + channels + "]");
  }
  if (any_channels) attributes.in_channels = attributes.out_channels = input[3];
  const int64_t height = int64_t{input[1]} + padded.top + padded.bottom;
  const int64_t width = int64_t{input[2]} + padded.left + padded.right;
  if (!any_channels && (height == 0 || width == 0)) {
    return UnsuitableInput(input, "at least one pixel");
  }
  UBP_RETURN_IF_ERROR(MakeConvShape(attributes, input[0], input[1], input[2], padded, shape));
  *output = {shape->batch, shape->out_h, shape->out_w, shape->out_c};
  return Status::Ok();
}

const char* ShapeOfImage(bool channels_first) {
  return channels_first ? "[batch, channels, height, width]" : "[batch, height, width, channels]";
}

// Elementwise, of one tensor.
Status InferUnary(const Dims& input, const ConstantOperand& constant, Dims* output) {
  *output = input;
  const auto rank = static_cast<size_t>(constant.rank);
  if (output->size() < rank) output->insert(output->begin(), rank - output->size(), 1);
  const bool needs_channels = constant.count > 1;
  if (needs_channels && (output->empty() || output->back() != constant.count)) {
    return UnsuitableInput(input, "[..., " + std::to_string(constant.count) + "]");
  }
  return Status::Ok();
}

}  // namespace

Status Conv2DOp::Infer(const InferInputs& inputs, ConvShape* shape, Dims* output) const {
  return InferWindow(layer.attributes, inputs, shape, output);
}

Status DepthwiseConv2DOp::Infer(const InferInputs& inputs, ConvShape* shape, Dims* output) const {
  return InferWindow(attributes, inputs, shape, output);
}

LayerAttributes Pool2DOp::WithoutChannels() {
  LayerAttributes attributes;
  attributes.in_channels = attributes.out_channels = 0;
  return attributes;
}

Status Pool2DOp::Infer(const InferInputs& inputs, ConvShape* shape, Dims* output) const {
  return InferWindow(attributes, inputs, shape, output);
}

Status FullyConnectedOp::Infer(const InferInputs& inputs, ConvShape* shape, Dims* output) const {
  const LayerAttributes& attributes = layer.attributes;
  const Dims& input = inputs.dims[0];
  if (attributes.keep_num_dims && input.back() != attributes.in_channels) {
    return UnsuitableInput(input, "[..., " + std::to_string(attributes.in_channels) + "]");
  }
  // As TensorFlow Lite has it, elements that make no whole row are not read.
  const int rows = static_cast<int>(ElementsOf(input) / attributes.in_channels);
  UBP_RETURN_IF_ERROR(MakeConvShape(attributes, rows, 1, 1, shape));
  *output = attributes.keep_num_dims ? input : Dims{rows, 0};
  output->back() = attributes.out_channels;
  return Status::Ok();
}

Status PadOp::Infer(const InferInputs& inputs, ConvShape*, Dims* output) const {
  const Dims& input = inputs.dims[0];
  if (input.size() != 4) return UnsuitableInput(input, "[batch, height, width, channels]");
  const int64_t height = int64_t{input[1]} + pads.top + pads.bottom;
  const int64_t width = int64_t{input[2]} + pads.left + pads.right;
  if (height > kMaxElements || width > kMaxElements) return TooLarge(input);
  *output = {input[0], static_cast<int>(height), static_cast<int>(width), input[3]};
  return Status::Ok();
}

Status MeanOp::Infer(const InferInputs& inputs, ConvShape*, Dims* output) const {
  const Dims& input = inputs.dims[0];
  if (input.size() != 4) return UnsuitableInput(input, ShapeOfImage(channels_first));
  const int channels = input[channels_first ? 1 : 3];
  *output = {input[0], channels};
  if (keep_dims) output->insert(output->begin() + (channels_first ? 2 : 1), 2, 1);
  return Status::Ok();
}

Status TransposeOp::Infer(const InferInputs& inputs, ConvShape*, Dims* output) const {
  const Dims& input = inputs.dims[0];
  if (input.size() != 4) return UnsuitableInput(input, ShapeOfImage(to_nhwc));
  *output = input;
  // The channels go to the end, or come back.
  if (to_nhwc) std::rotate(output->begin() + 1, output->begin() + 2, output->end());
  if (!to_nhwc) std::rotate(output->begin() + 1, output->begin() + 3, output->end());
  return Status::Ok();
}

Status ReshapeOp::Infer(const InferInputs& inputs, ConvShape*, Dims* output) const {
  const Dims& input = inputs.dims[0];
  *output = dims;
  int64_t elements = 1;
  auto rest = output->end();
  for (auto dim = output->begin(); dim != output->end(); ++dim) {
    if (*dim == kRestOfElements) {
      rest = dim;
      continue;
    }
    if (*dim < 0) {
      const auto axis = static_cast<size_t>(OfInput(*dim));
      if (axis >= input.size()) return UnsuitableInput(input, "more dimensions");
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

Status ConcatenationOp::Infer(const InferInputs& inputs, ConvShape*, Dims* output) const {
  return ConcatenationDims(inputs.dims, axis, output);
}

Status SoftmaxOp::Infer(const InferInputs& inputs, ConvShape*, Dims* output) const {
  *output = inputs.dims[0];
  return Status::Ok();
}

// With another number of axes the last one may not be that which its nodes name; with another number of
// channels a constant may be spread out over them, or they over it.
Status LayerNormOp::Infer(const InferInputs& inputs, ConvShape*, Dims* output) const {
  const Dims& input = inputs.dims[0];
  const size_t count = channels.scale.size();
  if (input.size() != static_cast<size_t>(rank) ||
      (count > 1 && static_cast<size_t>(input.back()) != count)) {
    return UnsuitableInput(
        input, std::to_string(rank) + " dimensions" +
                   (count > 1 ? ", the last of them " + std::to_string(count) : std::string()));
  }
  *output = input;
  return Status::Ok();
}

OpType ArithmeticOp::type() const {
  if (function == Elementwise::kMultiply) return OpType::kMul;
  return function == Elementwise::kSubtract ? OpType::kSub : OpType::kAdd;
}

Status ArithmeticOp::Infer(const InferInputs& inputs, ConvShape*, Dims* output) const {
  if (inputs.dims.size() == 2) return BroadcastDims(inputs.dims[0], inputs.dims[1], output);
  return InferUnary(inputs.dims[0], constant, output);
}

Status ClampOp::Infer(const InferInputs& inputs, ConvShape*, Dims* output) const {
  *output = inputs.dims[0];
  return Status::Ok();
}

Status FunctionOp::Infer(const InferInputs& inputs, ConvShape*, Dims* output) const {
  return InferUnary(inputs.dims[0], constant, output);
}

Status RequantizeOp::Infer(const InferInputs& inputs, ConvShape*, Dims* output) const {
  *output = inputs.dims[0];
  return Status::Ok();
}

Status ResizeOp::Infer(const InferInputs& inputs, ConvShape*, Dims* output) const {
  const Dims& input = inputs.dims[0];
  if (input.size() != 4 || input[1] == 0 || input[2] == 0) {
    return UnsuitableInput(input, "[batch, height, width, channels] with at least one pixel");
  }
  *output = {input[0], height, width, input[3]};
  return Status::Ok();
}

Status DepthToSpaceOp::Infer(const InferInputs& inputs, ConvShape*, Dims* out) const {
  const Dims& input = inputs.dims[0];
  const int phases = block_h * block_w;
  if (input.size() != 4 || input[3] % phases != 0) {
    return UnsuitableInput(input,
                           "[batch, height, width, " + std::to_string(phases) + " * channels]");
  }
  const int64_t height = int64_t{input[1]} * block_h - crop.top - crop.bottom;
  const int64_t width = int64_t{input[2]} * block_w - crop.left - crop.right;
  if (height > kMaxElements || width > kMaxElements) return TooLarge(input);
  if (height < 0 || width < 0) return UnsuitableInput(input, "more pixels");
  *out = {input[0], static_cast<int>(height), static_cast<int>(width), input[3] / phases - unused};
  Dims expected = output;
  if (!expected.empty() && expected[0] == OfInput(0)) expected[0] = input[0];
  if (expected.empty() || expected == *out) return Status::Ok();
  return Status::Error("the output has shape " + ToString(*out) +
                       " for this input; but the model says " + ToString(expected) + ".");
}

Status SpaceToDepthOp::Infer(const InferInputs& inputs, ConvShape*, Dims* output) const {
  const Dims& input = inputs.dims[0];
  if (input.size() != 4 || input[1] % block != 0 || input[2] % block != 0) {
    return UnsuitableInput(input,
                           "[batch, height, width, channels], whose height and width are "
                           "multiples of " +
                               std::to_string(block));
  }
  if (input[3] > kMaxElements / (block * block)) return TooLarge(input);
  *output = {input[0], input[1] / block, input[2] / block, input[3] * block * block};
  return Status::Ok();
}

Status TransposeConv2DOp::Infer(const InferInputs& inputs, ConvShape*, Dims* output) const {
  ConvShape shape;
  std::vector<Dims> phases(1);
  UBP_RETURN_IF_ERROR(InferWindow(layer.attributes, {inputs.dims, pads}, &shape, &phases[0]));
  return blocks.Infer({phases, Pads()}, &shape, output);
}

}  // namespace ubp
