// SPDX-License-Identifier: Apache-2.0
// What the ops of a step have to do: multiply-adds, and bytes to move.
#ifndef UBP_DELEGATE_CPU_PLAN_STEP_WORK_H_
#define UBP_DELEGATE_CPU_PLAN_STEP_WORK_H_

#include <vector>

#include "delegate/backend/step_profile.h"
#include "delegate/base/status.h"
#include "delegate/cpu/plan/layout.h"
#include "delegate/cpu/plan/make_operators.h"
#include "delegate/cpu/plan/steps.h"

namespace ubp {

// Adds the work of a float op that `step` runs, after that of a depthwise convolution that it
// absorbed.
Status AddWorkOf(const PlannedOp& op, const Step& step, const OperatorContext& context,
                 std::vector<StepWork>* work);

// Of a step that changes the form of a tensor.
StepWork WorkOfConversion(const Step& step, const std::vector<Buffer>& buffers);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_PLAN_STEP_WORK_H_
