// SPDX-License-Identifier: Apache-2.0
// Copies of floats to other places, by the best kernels of this processor: results depend on none.
#ifndef UBP_DELEGATE_CPU_OPERATORS_REARRANGE_H_
#define UBP_DELEGATE_CPU_OPERATORS_REARRANGE_H_

#include <cstddef>

namespace ubp {

// A matrix of floats: what turns NHWC into channel rows and back. dst[c * dst_stride + r] =
// src[r * src_stride + c] for r < rows, c < cols. Strides in floats; no overlap. Touches no element
// outside.
void Transpose(const float* src, ptrdiff_t src_stride, int rows, int cols, float* dst,
               ptrdiff_t dst_stride);

// dst[r * dst_stride + i] = src[r * src_stride + i * step] for r < rows, i < count: of each row every
// step-th element. Touches none before the first or behind the last.
void CopyStrided(const float* src, ptrdiff_t src_stride, int step, int rows, int count, float* dst,
                 ptrdiff_t dst_stride);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_OPERATORS_REARRANGE_H_
