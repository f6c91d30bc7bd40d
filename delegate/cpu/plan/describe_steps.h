// SPDX-License-Identifier: Apache-2.0
// Which ops of the model each step of a plan runs, and what they have to do.
#ifndef UBP_DELEGATE_CPU_PLAN_DESCRIBE_STEPS_H_
#define UBP_DELEGATE_CPU_PLAN_DESCRIBE_STEPS_H_

#include <memory>
#include <vector>

#include "delegate/backend/step_profile.h"
#include "delegate/base/status.h"
#include "delegate/cpu/plan/make_operators.h"
#include "delegate/cpu/plan/steps.h"

namespace ubp {

// What each step of a layout is, without a run. Fails as MakeSteps does.
Status DescribeSteps(const OperatorContext& context,
                     const std::vector<std::unique_ptr<Step>>& steps,
                     const std::vector<Buffer>& buffers, std::vector<StepProfile>* profiles);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_PLAN_DESCRIBE_STEPS_H_
