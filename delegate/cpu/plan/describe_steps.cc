#include "delegate/cpu/plan/describe_steps.h"

#include <algorithm>
#include <utility>

namespace ubp {
namespace {

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

// A node is named once, whatever it was made of (lower_transpose_conv.h).
void Name(const GraphOp& op, StepProfile* profile) {
  const auto is_named = [&](const ProfiledOp& other) {
    return op.node >= 0 && other.node == op.node;
  };
  if (std::any_of(profile->ops.begin(), profile->ops.end(), is_named)) return;
  profile->ops.push_back({op.node, op.label});
}

void Describe(const PlannedOp& op, StepProfile* profile) {
  Name(*op.op, profile);
  for (const GraphOp* absorbed : op.absorbed) Name(*absorbed, profile);
  if (profile->is_conversion) return;
  profile->multiply_adds += MultiplyAddsOf(op.op->type(), op.shape);
  if (op.depthwise) {
    profile->multiply_adds += MultiplyAddsOf(OpType::kDepthwiseConv2D, op.depthwise->shape);
  }
}

}  // namespace

std::vector<StepProfile> DescribeSteps(const GraphLayout& layout,
                                       const std::vector<std::unique_ptr<Step>>& steps) {
  std::vector<StepProfile> profiles;
  for (const std::unique_ptr<Step>& step : steps) {
    const StepOrigin& origin = step->origin();
    StepProfile profile;
    profile.is_conversion = origin.is_conversion;
    for (size_t i = origin.first_op; i < origin.end_op; ++i) Describe(layout.ops[i], &profile);
    std::stable_sort(profile.ops.begin(), profile.ops.end(),
                     [](const ProfiledOp& a, const ProfiledOp& b) { return a.node < b.node; });
    profiles.push_back(std::move(profile));
  }
  return profiles;
}

}  // namespace ubp
