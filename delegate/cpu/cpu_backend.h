// SPDX-License-Identifier: Apache-2.0
// The CPU as a backend.
#ifndef UBP_DELEGATE_CPU_CPU_BACKEND_H_
#define UBP_DELEGATE_CPU_CPU_BACKEND_H_

#include <memory>

#include "delegate/backend/backend.h"
#include "delegate/cpu/kernels/kernels.h"
#include "delegate/cpu/plan/plan_rules.h"

namespace ubp {

// `isa` null: the reference, which runs convolutions and fully-connected layers only.
std::shared_ptr<const Backend> MakeCpuBackend(const InstructionSet* isa, const PlanRules& rules);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_CPU_BACKEND_H_
