// SPDX-License-Identifier: Apache-2.0
// What kernels that copy numbers to other places are given. They compute nothing: numbers may be of
// any kind of 4 bytes. They touch no element but those named.
//
// Plain data, without standard-library types: compiled once per instruction set (see simd.h).
#ifndef UBP_DELEGATE_CPU_KERNELS_REARRANGE_ARGS_H_
#define UBP_DELEGATE_CPU_KERNELS_REARRANGE_ARGS_H_

#include <cstddef>

namespace ubp {

// dst[c * dst_stride + r] = src[r * src_stride + c] for r < rows, c < cols. Strides in floats; no
// overlap.
using TransposeKernel = void (*)(const float* src, ptrdiff_t src_stride, int rows, int cols,
                                 float* dst, ptrdiff_t dst_stride);

// dst[r * dst_stride + i] = src[r * src_stride + 2 * i] for r < rows, i < count. No overlap.
using EveryOtherKernel = void (*)(const float* src, ptrdiff_t src_stride, int rows, int count,
                                  float* dst, ptrdiff_t dst_stride);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_KERNELS_REARRANGE_ARGS_H_
