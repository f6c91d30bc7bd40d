// From planned ops to the prepared operators of the CPU that run them.
#ifndef UBP_DELEGATE_CPU_PLAN_MAKE_OPERATORS_H_
#define UBP_DELEGATE_CPU_PLAN_MAKE_OPERATORS_H_

#include <memory>

#include "delegate/base/status.h"
#include "delegate/cpu/kernels/kernels.h"
#include "delegate/cpu/operators/convolution.h"
#include "delegate/cpu/operators/pool_operator.h"
#include "delegate/cpu/operators/row_operator.h"
#include "delegate/cpu/operators/window_operator.h"
#include "delegate/cpu/plan/layout.h"

namespace ubp {

// Whether a pooling is a PoolOperator; another is a window like a depthwise convolution.
bool PoolsByRows(const PlannedOp& op);
PoolOperator MakePool(const GraphLayout& layout, const PlannedOp& op, const KernelFamily& family,
                      int threads);

// A depthwise convolution or any other pooling.
WindowOperator MakeWindow(const GraphLayout& layout, const PlannedOp& op,
                          const KernelFamily& family, int threads);

// A convolution or fully-connected layer. `family` null: the reference.
Status MakeConvolution(const GraphLayout& layout, const PlannedOp& op, const KernelFamily* family,
                       int threads, std::unique_ptr<Convolution>* convolution);

// Any op of a strip group, for up to `max_rows` rows of output at a time.
Status MakeRowOperator(const GraphLayout& layout, const PlannedOp& op, const KernelFamily& family,
                       int max_rows, std::unique_ptr<RowOperator>* row_operator);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_PLAN_MAKE_OPERATORS_H_
