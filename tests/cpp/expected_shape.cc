// SPDX-License-Identifier: Apache-2.0
#include "tests/cpp/expected_shape.h"

#include <algorithm>

namespace ubp {
namespace {

Dims WindowShape(const GraphOp& op, const Dims& input) {
  const LayerAttributes& a = AttributesOf(op);
  const ExpectedWindows rows =
      CountWindows(input[1], a.kernel_h, a.stride_h, a.dilation_h, a.padding);
  const ExpectedWindows columns =
      CountWindows(input[2], a.kernel_w, a.stride_w, a.dilation_w, a.padding);
  const int channels = op.type() == OpType::kConv2D ? a.out_channels : input[3];
  return {input[0], rows.count, columns.count, channels};
}

Dims FullyConnectedShape(const LayerAttributes& attributes, const Dims& input) {
  if (attributes.keep_num_dims) {
    Dims output = input;
    output.back() = attributes.out_channels;
    return output;
  }
  int rows = 1;
  for (const int size : input) rows *= size;
  return {rows / attributes.in_channels, attributes.out_channels};
}

Dims ReshapedShape(const Dims& sizes, const Dims& input) {
  Dims output;
  int given = 1;
  for (const int size : sizes) {
    output.push_back(size < kRestOfElements ? input[-2 - size] : size);
    if (output.back() != kRestOfElements) given *= output.back();
  }
  int elements = 1;
  for (const int size : input) elements *= size;
  std::replace(output.begin(), output.end(), kRestOfElements, elements / given);
  return output;
}

// Sizes are aligned at the last axis; one of two that differ is 1.
Dims BroadcastShape(Dims a, Dims b) {
  if (a.size() < b.size()) std::swap(a, b);
  b.insert(b.begin(), a.size() - b.size(), 1);
  for (size_t i = 0; i < a.size(); ++i) a[i] = a[i] == 1 ? b[i] : a[i];
  return a;
}

}  // namespace

ExpectedWindows CountWindows(int size, int kernel, int stride, int dilation, Padding padding) {
  const int reach = (kernel - 1) * dilation + 1;
  ExpectedWindows windows;
  if (padding == Padding::kValid) {
    for (int first = 0; first + reach <= size; first += stride) ++windows.count;
    return windows;
  }
  for (int first = 0; first < size; first += stride) ++windows.count;
  const int end = (windows.count - 1) * stride + reach;  // of the last window, if none is moved
  windows.before = std::max(0, end - size) / 2;
  return windows;
}

Dims ExpectedShape(const GraphOp& op, const std::vector<Dims>& inputs) {
  const Dims& input = inputs[0];
  switch (op.type()) {
    case OpType::kConv2D:
    case OpType::kDepthwiseConv2D:
    case OpType::kMaxPool2D:
    case OpType::kAveragePool2D:
      return WindowShape(op, input);
    case OpType::kFullyConnected:
      return FullyConnectedShape(AttributesOf(op), input);
    case OpType::kPad: {
      const Pads& pads = op.As<PadOp>().pads;
      return {input[0], input[1] + pads.top + pads.bottom, input[2] + pads.left + pads.right,
              input[3]};
    }
    case OpType::kMean:
      return op.As<MeanOp>().keep_dims ? Dims{input[0], 1, 1, input[3]} : Dims{input[0], input[3]};
    case OpType::kTranspose:
      return op.As<TransposeOp>().to_nhwc ? Dims{input[0], input[2], input[3], input[1]}
                                          : Dims{input[0], input[3], input[1], input[2]};
    case OpType::kResize:
      return {input[0], op.As<ResizeOp>().height, op.As<ResizeOp>().width, input[3]};
    case OpType::kDepthToSpace: {
      const int block = op.As<DepthToSpaceOp>().block_h;
      return {input[0], input[1] * block, input[2] * block, input[3] / block / block};
    }
    case OpType::kSpaceToDepth: {
      const int block = op.As<SpaceToDepthOp>().block;
      return {input[0], input[1] / block, input[2] / block, input[3] * block * block};
    }
    case OpType::kReshape:
      return ReshapedShape(op.As<ReshapeOp>().dims, input);
    case OpType::kConcatenation: {
      Dims output = input;
      const int axis_or_last = op.As<ConcatenationOp>().axis;
      const size_t axis = axis_or_last < 0 ? axis_or_last + input.size() : axis_or_last;
      for (size_t i = 1; i < inputs.size(); ++i) output[axis] += inputs[i][axis];
      return output;
    }
    default:  // elementwise, softmax, layer normalisation
      return inputs.size() == 2 ? BroadcastShape(input, inputs[1]) : input;
  }
}

}  // namespace ubp
