// SPDX-License-Identifier: Apache-2.0
#include "delegate/cpu/plan/describe_steps.h"

#include <utility>

#include "delegate/cpu/plan/step_work.h"

namespace ubp {

Status DescribeSteps(const OperatorContext& context,
                     const std::vector<std::unique_ptr<Step>>& steps,
                     const std::vector<Buffer>& buffers, std::vector<StepProfile>* profiles) {
  for (const std::unique_ptr<Step>& step : steps) {
    const StepOrigin& origin = step->origin();
    StepProfile profile;
    profile.is_conversion = origin.is_conversion;
    if (origin.is_conversion) profile.work.push_back(WorkOfConversion(*step, buffers));
    for (size_t i = origin.first_op; i < origin.end_op; ++i) {
      const PlannedOp& op = context.layout.ops[i];
      Describe(op, &profile);
      if (profile.is_conversion) continue;
      if (!op.op->is_int8()) {
        UBP_RETURN_IF_ERROR(AddWorkOf(op, *step, context, &profile.work));
      }
      if (!op.depthwise) continue;
      profile.multiply_adds += MultiplyAddsOf(OpType::kDepthwiseConv2D, op.depthwise->shape);
    }
    SortNames(&profile);
    profiles->push_back(std::move(profile));
  }
  return Status::Ok();
}

}  // namespace ubp
