// SPDX-License-Identifier: Apache-2.0
// From planned ops to the prepared operators of the CPU that run them.
#ifndef UBP_DELEGATE_CPU_PLAN_MAKE_OPERATORS_H_
#define UBP_DELEGATE_CPU_PLAN_MAKE_OPERATORS_H_

#include <cstdint>
#include <memory>

#include "delegate/base/status.h"
#include "delegate/cpu/kernels/int8_kernels.h"
#include "delegate/cpu/kernels/kernels.h"
#include "delegate/cpu/operators/convolution.h"
#include "delegate/cpu/operators/pool_operator.h"
#include "delegate/cpu/operators/row_operator.h"
#include "delegate/cpu/operators/window_operator.h"
#include "delegate/cpu/plan/layout.h"
#include "delegate/weights/packed_weights.h"

namespace ubp {

// What operators are made from, beside the op itself.
struct OperatorContext {
  const GraphLayout& layout;
  const InstructionSet* isa;  // null: the reference, which has convolutions only
  const Int8Kernels* int8;    // null: there are no int8 ops
  PackedWeights* weights;     // of the graph that the layout is of
  int threads;
};

// Whether a pooling is a PoolOperator; another is a window like a depthwise convolution.
bool PoolsByRows(const PlannedOp& op);
PoolOperator MakePool(const PlannedOp& op, const OperatorContext& context, int threads);

// A depthwise convolution or any other pooling.
WindowOperator MakeWindow(const PlannedOp& op, const OperatorContext& context, int threads);

// What the kernels read of a layer's weights in one run, if they read each once.
struct WeightUse {
  int64_t multiplied = 0;  // weights, those included that only fill a block
  int64_t bytes = 0;       // of values, places and bias
};

// Of the convolution that MakeConvolution or MakeRowOperator makes.
Status WeightUseOf(const PlannedOp& op, const OperatorContext& context, WeightUse* use);

// A convolution or fully-connected layer.
Status MakeConvolution(const PlannedOp& op, const OperatorContext& context,
                       std::unique_ptr<Convolution>* convolution);

// Any op of a strip group, for up to `max_rows` rows of output at a time.
Status MakeRowOperator(const PlannedOp& op, const OperatorContext& context, int max_rows,
                       std::unique_ptr<RowOperator>* row_operator);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_PLAN_MAKE_OPERATORS_H_
