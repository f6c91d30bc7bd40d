// SPDX-License-Identifier: Apache-2.0
// Transposition of a matrix of floats: what turns NHWC into channel rows and back.
#ifndef UBP_DELEGATE_CPU_OPERATORS_TRANSPOSE_H_
#define UBP_DELEGATE_CPU_OPERATORS_TRANSPOSE_H_

#include <cstddef>

namespace ubp {

// dst[c * dst_stride + r] = src[r * src_stride + c] for r < rows, c < cols. Strides in floats; no
// overlap. Touches no element outside.
void Transpose(const float* src, ptrdiff_t src_stride, int rows, int cols, float* dst,
               ptrdiff_t dst_stride);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_OPERATORS_TRANSPOSE_H_
