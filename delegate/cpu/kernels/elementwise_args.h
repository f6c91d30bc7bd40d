// SPDX-License-Identifier: Apache-2.0
// What an elementwise kernel is given: values that lie contiguous, each output depending on the
// inputs at its own place only.
//
// Plain data, without standard-library types: compiled once per instruction set (see simd.h).
#ifndef UBP_DELEGATE_CPU_KERNELS_ELEMENTWISE_ARGS_H_
#define UBP_DELEGATE_CPU_KERNELS_ELEMENTWISE_ARGS_H_

#include <cstddef>
#include <cstdint>

#include "delegate/graph/elementwise_function.h"

namespace ubp {

struct ElementwiseArgs {
  const float* a = nullptr;
  const float* b = nullptr;  // read where the function has it, as c, s and t
  const float* c = nullptr;
  float s = 1.0f;
  float t = 0.0f;
  const uint32_t* mask = nullptr;  // [count]: zero bits make the output zero; null: none do
  float* output = nullptr;         // [count]; may be an input, not overlap with one otherwise
  ptrdiff_t count = 0;
  float min = 0.0f;  // of the fused activation; -infinity and +infinity for none
  float max = 0.0f;
};

// Reads and writes no element outside. NaN stays NaN. Results are exact but for a few units in the last
// place; more of those where they are exponentials of -a (kLogistic far below zero: 1e-5 of them), or
// what is left of sums: kGelu, kGeluTanh and kHardSwish are as exact as a is. Where they or exp(a) are
// hardly above denormal numbers, they may be zero.
using ElementwiseKernel = void (*)(const ElementwiseArgs& args);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_KERNELS_ELEMENTWISE_ARGS_H_
