// SPDX-License-Identifier: Apache-2.0
// The step of an operator that reads or writes one channel-major tensor.
#ifndef UBP_DELEGATE_CPU_PLAN_PLANES_STEP_H_
#define UBP_DELEGATE_CPU_PLAN_PLANES_STEP_H_

#include <utility>
#include <vector>

#include "delegate/cpu/operators/plane_operators.h"
#include "delegate/cpu/plan/steps.h"

namespace ubp {

// Mean, TRANSPOSE, and the conversions from one layout to the other.
class PlanesStep : public Step {
 public:
  using Function = void (*)(const PlaneTensor&, const float*, float*, ThreadPool*);

  PlanesStep(int input, int output, PlaneTensor tensor, Function function)
      : Step({input, output}), tensor_(std::move(tensor)), function_(function) {}

  void Run(const std::vector<float*>& memory, float*, ThreadPool* pool) const override {
    function_(tensor_, At(memory, 0), At(memory, 1), pool);
  }

 private:
  PlaneTensor tensor_;
  Function function_;
};

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_PLAN_PLANES_STEP_H_
