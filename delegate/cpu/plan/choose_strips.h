// SPDX-License-Identifier: Apache-2.0
// Which operators run strip by strip (strip_schedule.h) instead of one after the other.
#ifndef UBP_DELEGATE_CPU_PLAN_CHOOSE_STRIPS_H_
#define UBP_DELEGATE_CPU_PLAN_CHOOSE_STRIPS_H_

#include "delegate/cpu/plan/layout.h"

namespace ubp {

// Groups operators between which large tensors lie that nobody else reads, as `rules` say. Sets
// layout->strips, and the geometries of the tensors that become row buffers, which all have one already.
// `threads` is the number of bands at most.
Status ChooseStrips(const PlanRules& rules, int threads, GraphLayout* layout);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_PLAN_CHOOSE_STRIPS_H_
