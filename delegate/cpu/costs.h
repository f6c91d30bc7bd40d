// SPDX-License-Identifier: Apache-2.0
// The constants of the CPU backend.
#ifndef UBP_DELEGATE_CPU_COSTS_H_
#define UBP_DELEGATE_CPU_COSTS_H_

#include <memory>

#include "delegate/backend/cost_model.h"
#include "delegate/cpu/layer_costs.h"

namespace ubp {

// One model for all instruction sets and numbers of threads: what they change, they change in XNNPACK
// as well. Only what multiply-adds cost depends on the processor.
std::unique_ptr<const CostModel> MakeCpuCosts(const MultiplyAddCosts& multiply_adds);

// With those of this machine.
const CostModel& CpuCosts();

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_COSTS_H_
