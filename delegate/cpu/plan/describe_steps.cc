// SPDX-License-Identifier: Apache-2.0
#include "delegate/cpu/plan/describe_steps.h"

#include <utility>

namespace ubp {

std::vector<StepProfile> DescribeSteps(const GraphLayout& layout,
                                       const std::vector<std::unique_ptr<Step>>& steps) {
  std::vector<StepProfile> profiles;
  for (const std::unique_ptr<Step>& step : steps) {
    const StepOrigin& origin = step->origin();
    StepProfile profile;
    profile.is_conversion = origin.is_conversion;
    for (size_t i = origin.first_op; i < origin.end_op; ++i) {
      const PlannedOp& op = layout.ops[i];
      Describe(op, &profile);
      if (!op.depthwise || profile.is_conversion) continue;
      profile.multiply_adds += MultiplyAddsOf(OpType::kDepthwiseConv2D, op.depthwise->shape);
    }
    SortNames(&profile);
    profiles.push_back(std::move(profile));
  }
  return profiles;
}

}  // namespace ubp
