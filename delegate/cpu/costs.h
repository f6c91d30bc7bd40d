// SPDX-License-Identifier: Apache-2.0
// The constants of the CPU backend.
#ifndef UBP_DELEGATE_CPU_COSTS_H_
#define UBP_DELEGATE_CPU_COSTS_H_

#include "delegate/backend/cost_model.h"

namespace ubp {

// One model for all instruction sets and numbers of threads: what they change, they change in XNNPACK
// as well.
const CostModel& CpuCosts();

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_COSTS_H_
