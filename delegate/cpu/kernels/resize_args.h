// SPDX-License-Identifier: Apache-2.0
// What a kernel is given that computes a plane of a resized image between its neighbours.
//
// Plain data, without standard-library types: compiled once per instruction set (see simd.h).
#ifndef UBP_DELEGATE_CPU_KERNELS_RESIZE_ARGS_H_
#define UBP_DELEGATE_CPU_KERNELS_RESIZE_ARGS_H_

#include <cstddef>
#include <cstdint>

namespace ubp {

// Of one axis: output i is input lower[i] times 1 - fraction[i], plus input upper[i] times
// fraction[i].
struct ResizeAxis {
  int size = 0;  // of the output
  const int32_t* lower = nullptr;
  const int32_t* upper = nullptr;
  const float* fraction = nullptr;
};

struct ResizeArgs {
  const float* input = nullptr;  // the first pixel; a vector's width behind the last may be read
  ptrdiff_t input_pitch = 0;     // floats from one row to the next
  float* output = nullptr;  // the first pixel; what ends the last row's last vector becomes zero
  ptrdiff_t output_pitch = 0;
  ResizeAxis rows;
  ResizeAxis columns;  // the arrays are of whole vectors
  // Of each vector of columns the first input that it needs, if the others are less than a vector
  // behind that one: lower and upper are then counted from there. -1 where they are not.
  const int32_t* first = nullptr;
  const uint32_t* mask = nullptr;  // of whole vectors: all bits set where there is a column
};

using ResizeKernel = void (*)(const ResizeArgs& args);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_KERNELS_RESIZE_ARGS_H_
