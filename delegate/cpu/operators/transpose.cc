// SPDX-License-Identifier: Apache-2.0
#include "delegate/cpu/operators/transpose.h"

#include <algorithm>
#include <cstring>

namespace ubp {
namespace {

typedef float Float4 __attribute__((vector_size(16)));

constexpr int kQuad = 4;
// Columns are taken a cache line at a time: with channels as columns every line of an NHWC tensor
// is touched once.
constexpr int kColumnsPerLine = 16;

void Load(const float* p, Float4* v) { std::memcpy(v, p, sizeof(*v)); }
void Store(const Float4& v, float* p) { std::memcpy(p, &v, sizeof(v)); }

void TransposeQuad(const float* src, ptrdiff_t src_stride, float* dst, ptrdiff_t dst_stride) {
  Float4 a, b, c, d;
  Load(src, &a);
  Load(src + src_stride, &b);
  Load(src + 2 * src_stride, &c);
  Load(src + 3 * src_stride, &d);
  const Float4 ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
  const Float4 ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const Float4 cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5);
  const Float4 cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  Store(__builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5), dst);
  Store(__builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7), dst + dst_stride);
  Store(__builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5), dst + 2 * dst_stride);
  Store(__builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7), dst + 3 * dst_stride);
}

void TransposeScalar(const float* src, ptrdiff_t src_stride, int rows, int cols, float* dst,
                     ptrdiff_t dst_stride) {
  for (int c = 0; c < cols; ++c) {
    for (int r = 0; r < rows; ++r) dst[c * dst_stride + r] = src[r * src_stride + c];
  }
}

// Calls quad(first) for quads that cover 0 .. count-1, the last one overlapping the one before.
template <class Function>
void ForEachQuad(int count, const Function& quad) {
  for (int i = 0; i + kQuad <= count; i += kQuad) quad(i);
  if (count % kQuad != 0) quad(count - kQuad);
}

// Up to a cache line of columns, all rows.
void TransposeColumns(const float* src, ptrdiff_t src_stride, int rows, int cols, float* dst,
                      ptrdiff_t dst_stride) {
  if (rows < kQuad || cols < kQuad) {
    TransposeScalar(src, src_stride, rows, cols, dst, dst_stride);
    return;
  }
  ForEachQuad(rows, [&](int r) {
    ForEachQuad(cols, [&](int c) {
      TransposeQuad(src + r * src_stride + c, src_stride, dst + c * dst_stride + r, dst_stride);
    });
  });
}

}  // namespace

void Transpose(const float* src, ptrdiff_t src_stride, int rows, int cols, float* dst,
               ptrdiff_t dst_stride) {
  for (int c = 0; c < cols; c += kColumnsPerLine) {
    TransposeColumns(src + c, src_stride, rows, std::min(kColumnsPerLine, cols - c),
                     dst + c * dst_stride, dst_stride);
  }
}

}  // namespace ubp
