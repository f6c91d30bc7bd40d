// SPDX-License-Identifier: Apache-2.0
// What a kernel is given that computes one row of a resized image between its neighbours.
//
// Plain data, without standard-library types: compiled once per instruction set (see simd.h).
#ifndef UBP_DELEGATE_CPU_KERNELS_RESIZE_ARGS_H_
#define UBP_DELEGATE_CPU_KERNELS_RESIZE_ARGS_H_

#include <cstddef>
#include <cstdint>

namespace ubp {

// Two rows are blended first, to above * (1 - share) + below * share. Output x is then blended
// `lower[x]` times 1 - `fraction[x]`, plus blended `upper[x]` times `fraction[x]`.
struct ResizeRowArgs {
  const float* above = nullptr;  // [in_width]
  const float* below = nullptr;  // [in_width]
  float share = 0.0f;
  int in_width = 0;
  float* blended = nullptr;  // [in_width + the width of a vector]: scratch
  const int32_t* lower = nullptr;
  const int32_t* upper = nullptr;
  const float* fraction = nullptr;
  // Of each whole vector of outputs the first input that it needs, if the others are less than a
  // vector behind that one: lower and upper are then counted from there. -1 where they are not.
  const int32_t* first = nullptr;
  float* output = nullptr;  // [out_width]
  int out_width = 0;
};

using ResizeRowKernel = void (*)(const ResizeRowArgs& args);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_KERNELS_RESIZE_ARGS_H_
