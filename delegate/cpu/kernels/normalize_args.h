// SPDX-License-Identifier: Apache-2.0
// What a kernel for layer normalisation is given: pixels, each of which has a mean and a variance over its
// own channels, and becomes
//
//   (x - mean) / sqrt(variance + epsilon) * scale + offset
//
// The variance is the mean of (x - mean)^2, once the mean is known: nothing cancels out.
//
// Plain data, without standard-library types: compiled once per instruction set (see simd.h).
#ifndef UBP_DELEGATE_CPU_KERNELS_NORMALIZE_ARGS_H_
#define UBP_DELEGATE_CPU_KERNELS_NORMALIZE_ARGS_H_

#include <cstddef>
#include <cstdint>

namespace ubp {

struct NormalizeArgs {
  const float* input = nullptr;
  float* output = nullptr;  // may be the input, not overlap with it otherwise
  ptrdiff_t count = 0;      // pixels; in planes a multiple of the vectors' width
  int channels = 0;
  ptrdiff_t stride = 0;            // of planes: floats from one channel of a pixel to the next
  const uint32_t* mask = nullptr;  // of planes, [count]: zero bits make the output zero
  const float* scale = nullptr;    // [channels]
  const float* offset = nullptr;   // [channels]
  float epsilon = 0.0f;            // a normal number above zero
  float min = 0.0f;                // of the fused activation; -infinity and +infinity for none
  float max = 0.0f;
};

// Of pixels side by side in planes, or in an image, whose channels lie side by side. A pixel's result
// depends on its own channels only.
using NormalizeKernel = void (*)(const NormalizeArgs& args);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_KERNELS_NORMALIZE_ARGS_H_
