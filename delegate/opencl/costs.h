// SPDX-License-Identifier: Apache-2.0
// The constants of the OpenCL backend.
#ifndef UBP_DELEGATE_OPENCL_COSTS_H_
#define UBP_DELEGATE_OPENCL_COSTS_H_

#include <memory>

#include "delegate/backend/cost_model.h"

namespace ubp::opencl {

// `xnnpack` says what nodes cost that are left to it. It must outlive the result.
std::unique_ptr<CostModel> MakeOpenClCosts(const CostModel& xnnpack);

}  // namespace ubp::opencl

#endif  // UBP_DELEGATE_OPENCL_COSTS_H_
