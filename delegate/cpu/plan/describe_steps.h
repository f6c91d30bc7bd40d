// SPDX-License-Identifier: Apache-2.0
// Which ops of the model each step of a plan runs.
#ifndef UBP_DELEGATE_CPU_PLAN_DESCRIBE_STEPS_H_
#define UBP_DELEGATE_CPU_PLAN_DESCRIBE_STEPS_H_

#include <memory>
#include <vector>

#include "delegate/backend/step_profile.h"
#include "delegate/cpu/plan/layout.h"
#include "delegate/cpu/plan/steps.h"

namespace ubp {

// What each step of a layout is, without a run.
std::vector<StepProfile> DescribeSteps(const GraphLayout& layout,
                                       const std::vector<std::unique_ptr<Step>>& steps);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_PLAN_DESCRIBE_STEPS_H_
