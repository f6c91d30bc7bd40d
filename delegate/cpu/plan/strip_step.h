// SPDX-License-Identifier: Apache-2.0
// The step that runs a group of operators strip by strip.
#ifndef UBP_DELEGATE_CPU_PLAN_STRIP_STEP_H_
#define UBP_DELEGATE_CPU_PLAN_STRIP_STEP_H_

#include <memory>
#include <vector>

#include "delegate/base/status.h"
#include "delegate/cpu/kernels/kernels.h"
#include "delegate/cpu/plan/layout.h"
#include "delegate/cpu/plan/make_operators.h"
#include "delegate/cpu/plan/steps.h"

namespace ubp {

// `buffers` are the numbers of the buffers of the group's tensors, in their order.
Status MakeStripStep(const StripGroup& group, const OperatorContext& context,
                     std::vector<int> buffers, std::unique_ptr<Step>* step);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_PLAN_STRIP_STEP_H_
