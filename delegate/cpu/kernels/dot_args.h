// SPDX-License-Identifier: Apache-2.0
// What a dot-product kernel is given: some rows of a dense weight matrix and one input vector.
//
// Plain data, without standard-library types: compiled once per instruction set (see simd.h).
#ifndef UBP_DELEGATE_CPU_KERNELS_DOT_ARGS_H_
#define UBP_DELEGATE_CPU_KERNELS_DOT_ARGS_H_

namespace ubp {

struct DotArgs {
  const float* weights;  // [rows, length], as in the model
  const float* input;    // [length]
  const float* bias;     // [rows], or null
  float* output;         // [rows]
  int rows;
  int length;
  float min;  // of the fused activation; -infinity and +infinity for none
  float max;
};

// output[r] = clamp(bias[r] + sum of weights[r][k] * input[k]). A row's sum does not depend on the
// other rows.
using DotKernel = void (*)(const DotArgs& args);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_KERNELS_DOT_ARGS_H_
