// SPDX-License-Identifier: Apache-2.0
#include "delegate/backend/step_profile.h"

namespace ubp {
namespace {

// Adds an op by its name. A node is named once, whatever it was made of (lower_transpose_conv.h).
void DescribeName(const GraphOp& op, StepProfile* profile) {
  const auto is_named = [&](const ProfiledOp& other) {
    return op.node >= 0 && other.node == op.node;
  };
  if (std::any_of(profile->ops.begin(), profile->ops.end(), is_named)) return;
  profile->ops.push_back({op.node, op.label});
}

}  // namespace

int64_t MultiplyAddsOf(OpType type, const ConvShape& s) {
  const int64_t values = s.out_pixels() * s.out_c * s.kernel_h * s.kernel_w;
  switch (type) {
    case OpType::kConv2D:
    case OpType::kFullyConnected:
      return values * s.in_c;
    case OpType::kDepthwiseConv2D:
      return values;
    default:
      return 0;
  }
}

const char* KindOf(OpType type) {
  switch (type) {
    case OpType::kConv2D:
    case OpType::kTransposeConv2D:
      return "convolution";
    case OpType::kFullyConnected:
      return "fully_connected";
    case OpType::kDepthwiseConv2D:
      return "depthwise";
    case OpType::kMaxPool2D:
    case OpType::kAveragePool2D:
      return "pooling";
    case OpType::kMean:
      return "mean";
    case OpType::kLayerNorm:
      return "normalization";
    case OpType::kSoftmax:
      return "softmax";
    case OpType::kAdd:
    case OpType::kSub:
    case OpType::kMul:
    case OpType::kClamp:
    case OpType::kFunction:
    case OpType::kRequantize:
      return "elementwise";
    case OpType::kResize:
      return "resize";
    case OpType::kPad:
    case OpType::kReshape:
    case OpType::kConcatenation:
    case OpType::kDepthToSpace:
    case OpType::kSpaceToDepth:
    case OpType::kTranspose:
      return "copy";
  }
  return "";
}

void Describe(const ShapedOp& op, StepProfile* profile) {
  DescribeName(*op.op, profile);
  for (const GraphOp* absorbed : op.absorbed) DescribeName(*absorbed, profile);
  if (!profile->is_conversion) profile->multiply_adds += MultiplyAddsOf(op.op->type(), op.shape);
}

void SortNames(StepProfile* profile) {
  std::stable_sort(profile->ops.begin(), profile->ops.end(),
                   [](const ProfiledOp& a, const ProfiledOp& b) { return a.node < b.node; });
}

}  // namespace ubp
