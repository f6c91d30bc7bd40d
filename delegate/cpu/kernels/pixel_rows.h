// SPDX-License-Identifier: Apache-2.0
// The accumulators of the WROS dataflow (wros.h) for a single pixel.
#ifndef UBP_DELEGATE_CPU_KERNELS_PIXEL_ROWS_H_
#define UBP_DELEGATE_CPU_KERNELS_PIXEL_ROWS_H_

#include <cstddef>
#include <cstdint>

#include "delegate/cpu/kernels/simd.h"
#include "delegate/cpu/kernels/wros_args.h"
#include "delegate/cpu/kernels/wros_blocks.h"

namespace ubp {
namespace {

template <class Vec>
UBP_ALWAYS_INLINE float GetLane(const Vec& v, int lane) {
  return v[lane];
}
UBP_ALWAYS_INLINE float GetLane(const float& v, int) { return v; }

template <class Vec>
UBP_ALWAYS_INLINE void SetLane(Vec* v, int lane, float value) {
  (*v)[lane] = value;
}
UBP_ALWAYS_INLINE void SetLane(float* v, int, float value) { *v = value; }

// Accumulators for a single pixel (a fully-connected layer at batch 1, a 1x1 convolution after
// global pooling): the N rows are the N lanes of as few vectors as hold them, and a block is one
// multiply-add of its rotated values with the broadcast input. kChains partial sums hide the
// latency of the multiply-add; they are added in a fixed order.
template <class Simd, int N>
class PixelRows {
 public:
  static constexpr int kBlockSize = N;

  explicit UBP_ALWAYS_INLINE PixelRows(const WrosArgs& args)
      : row_(), min_(args.min), max_(args.max) {}

  template <int P>
  UBP_ALWAYS_INLINE void Set(float value) {
    SetLane(&row_[P / kLanes], P % kLanes, value);
  }

  template <int P>
  UBP_ALWAYS_INLINE void Store(float* output, const float* residual) const {
    const float value =
        GetLane(row_[P / kLanes], P % kLanes) + (residual != nullptr ? *residual : 0.0f);
    const float raised = value < min_ ? min_ : value;
    *output = raised > max_ ? max_ : raised;
  }

  UBP_ALWAYS_INLINE void PrefetchRow(const float*, ptrdiff_t, const float*, ptrdiff_t) const {}

  UBP_ALWAYS_INLINE void Add(Blocks* blocks, int32_t count) {
    Vec partial[kChains][kVectors] = {};
    const int32_t* const end = blocks->offsets + count;
    while (end - blocks->offsets >= kChains) AddBlocks(blocks, partial, IndicesUpTo<kChains>());
    while (blocks->offsets != end) AddBlocks(blocks, partial, Indices<0>());
    AddPartials(partial, Vectors());
  }

 private:
  static constexpr int kChains = 4;
  static constexpr int kLanes = N < Simd::kWidth ? N : Simd::kWidth;  // per vector
  static constexpr int kVectors = N / kLanes;
  using Vec = typename FloatVector<kLanes>::Type;
  using Vectors = IndicesUpTo<kVectors>;

  // The next blocks, one for each chain C.
  template <int... C>
  static UBP_ALWAYS_INLINE void AddBlocks(Blocks* blocks, Vec (&partial)[kChains][kVectors],
                                          Indices<C...>) {
    (AddProduct(*blocks, C, partial[C], Vectors()), ...);
    blocks->offsets += sizeof...(C);
    blocks->values += sizeof...(C) * N;
  }

  template <int... I>
  static UBP_ALWAYS_INLINE void AddProduct(const Blocks& blocks, int block, Vec (&sum)[kVectors],
                                           Indices<I...>) {
    const float pixel = *reinterpret_cast<const float*>(blocks.input + blocks.offsets[block]);
    ((sum[I] += LoadWeights(blocks.values + block * N + I * kLanes) * pixel), ...);
  }

  static UBP_ALWAYS_INLINE Vec LoadWeights(const float* values) {
    Vec weights;
    __builtin_memcpy(&weights, values, sizeof(weights));
    return weights;
  }

  template <int... I>
  UBP_ALWAYS_INLINE void AddPartials(const Vec (&partial)[kChains][kVectors], Indices<I...>) {
    ((row_[I] += (partial[0][I] + partial[1][I]) + (partial[2][I] + partial[3][I])), ...);
  }

  Vec row_[kVectors];
  float min_;
  float max_;
};

}  // namespace
}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_KERNELS_PIXEL_ROWS_H_
