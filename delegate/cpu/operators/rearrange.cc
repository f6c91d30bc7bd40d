// SPDX-License-Identifier: Apache-2.0
#include "delegate/cpu/operators/rearrange.h"

#include <cstdint>
#include <cstring>

#include "delegate/cpu/kernels/kernels.h"

namespace ubp {

void Transpose(const float* src, ptrdiff_t src_stride, int rows, int cols, float* dst,
               ptrdiff_t dst_stride) {
  BestInstructionSet().transpose(src, src_stride, rows, cols, dst, dst_stride);
}

void CopyStrided(const float* src, ptrdiff_t src_stride, int step, int rows, int count, float* dst,
                 ptrdiff_t dst_stride) {
  if (step == 2) {
    BestInstructionSet().every_other(src, src_stride, rows, count, dst, dst_stride);
    return;
  }
  for (int r = 0; r < rows; ++r) {
    const float* const from = src + r * src_stride;
    float* const to = dst + r * dst_stride;
    if (step == 1) {
      std::memcpy(to, from, count * sizeof(float));
    } else {
      for (int i = 0; i < count; ++i) to[i] = from[int64_t{i} * step];
    }
  }
}

}  // namespace ubp
