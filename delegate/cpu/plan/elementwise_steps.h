// Steps of operators without weights that run on a tensor in either form: elementwise operators,
// concatenation and softmax.
#ifndef UBP_DELEGATE_CPU_PLAN_ELEMENTWISE_STEPS_H_
#define UBP_DELEGATE_CPU_PLAN_ELEMENTWISE_STEPS_H_

#include <memory>
#include <vector>

#include "delegate/cpu/kernels/kernels.h"
#include "delegate/cpu/operators/plane_operators.h"
#include "delegate/cpu/plan/layout.h"
#include "delegate/cpu/plan/steps.h"

namespace ubp {

PlaneTensor PlanesOf(const TensorLayout& tensor);

// `buffers` are those of the op's inputs in their order and of its output, in the form in which it
// runs. Null where there is nothing to do: all inputs of a concatenation lie in its output.
std::unique_ptr<Step> MakeElementwiseStep(const PlannedOp& op, const GraphLayout& layout,
                                          const std::vector<int>& buffers,
                                          const KernelFamily& family);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_PLAN_ELEMENTWISE_STEPS_H_
