// SPDX-License-Identifier: Apache-2.0
// Lanes side by side, and the scores of all their blocks. See kernels.h for the contract.
#ifndef UBP_SELECTION_NATIVE_INTERLEAVE_H_
#define UBP_SELECTION_NATIVE_INTERLEAVE_H_

#include "python/ubp/selection/native/kernels.h"
#include "python/ubp/selection/native/vectors.h"

namespace ubp {
namespace selection {
namespace {

template <class V>
struct Interleave {
  using I32 = typename V::I32;
  static constexpr int kWidth = V::kWidth;

  static int32_t Run(const InterleaveArgs& args) {
    for (int64_t c = 0; c < args.channels; c += kWidth) {
      TransposeTile(args.rows + c, args.row_stride, args.columns + c * kWidth);
    }
    return SlidingSums(args);
  }

  // Row r of a square tile becomes column r. Riffling rows i and i + kWidth / 2, for all i, moves
  // the lowest bit of a row's number to the top of its column's; log2(kWidth) times move all.
  static UBP_ALWAYS_INLINE void TransposeTile(const int32_t* rows, int64_t stride,
                                              int32_t* columns) {
    I32 tile[kWidth], riffled[kWidth];
    for (int r = 0; r < kWidth; ++r) tile[r] = LoadRow(rows + r * stride);
    for (int round = 1; round < kWidth; round *= 2) {
      for (int r = 0; r < kWidth / 2; ++r) {
        riffled[2 * r] = V::ZipLow(tile[r], tile[r + kWidth / 2], typename V::Pattern());
        riffled[2 * r + 1] = V::ZipHigh(tile[r], tile[r + kWidth / 2], typename V::Pattern());
      }
      for (int r = 0; r < kWidth; ++r) tile[r] = riffled[r];
    }
    for (int r = 0; r < kWidth; ++r) V::Store(columns + r * kWidth, tile[r]);
  }

  static UBP_ALWAYS_INLINE I32 LoadRow(const int32_t* p) {
    I32 v;
    __builtin_memcpy(&v, p, sizeof(v));
    return v;
  }

  static int32_t SlidingSums(const InterleaveArgs& args) {
    const int64_t starts = args.channels - args.block_size + 1;
    const int32_t* entering = args.columns;
    I32 sum = {};
    for (int64_t i = 1; i < args.block_size; ++i, entering += kWidth) sum += V::Load(entering);
    I32 largest = V::Broadcast(INT32_MIN);
    for (int64_t i = 0; i < starts; ++i, entering += kWidth) {
      sum += V::Load(entering);
      const I32 doubled = sum + sum;
      V::Store(args.scores + i * kWidth, doubled);
      largest = V::Max(largest, doubled);
      sum -= V::Load(args.columns + i * kWidth);
    }
    int32_t result = largest[0];
    for (int i = 1; i < kWidth; ++i) result = largest[i] > result ? largest[i] : result;
    return result;
  }
};

}  // namespace
}  // namespace selection
}  // namespace ubp

#endif  // UBP_SELECTION_NATIVE_INTERLEAVE_H_
