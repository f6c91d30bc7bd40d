// SPDX-License-Identifier: Apache-2.0
// What int8 operators cost here and in XNNPACK, in the unit of costs.cc.
#ifndef UBP_DELEGATE_CPU_INT8_COSTS_H_
#define UBP_DELEGATE_CPU_INT8_COSTS_H_

#include "delegate/backend/cost_model.h"

namespace ubp {

extern const BlockCosts kInt8BlockCosts;

// Of an int8 op: fills in what it costs; its layouts are set.
void SetInt8Costs(const OpToRun& op, CostNode* node);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_INT8_COSTS_H_
