// SPDX-License-Identifier: Apache-2.0
// Softmax over the rows of a matrix.
#ifndef UBP_DELEGATE_CPU_OPERATORS_SOFTMAX_H_
#define UBP_DELEGATE_CPU_OPERATORS_SOFTMAX_H_

#include "delegate/base/thread_pool.h"
#include "delegate/cpu/kernels/kernels.h"

namespace ubp {

struct SoftmaxShape {
  int rows;
  int classes;
};

// input and output [rows, classes]; output[r][c] = exp(beta * input[r][c]) / sum over the row.
// Allocates nothing; reentrant. A row with a NaN or +infinity becomes NaN.
void Softmax(const SoftmaxShape& shape, float beta, const float* input, float* output,
             const InstructionSet& isa, ThreadPool* pool);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_OPERATORS_SOFTMAX_H_
