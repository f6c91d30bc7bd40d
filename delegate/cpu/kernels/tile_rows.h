// SPDX-License-Identifier: Apache-2.0
// The accumulators of the WROS dataflow (wros.h) for a tile of pixels; `Simd` as in simd.h.
#ifndef UBP_DELEGATE_CPU_KERNELS_TILE_ROWS_H_
#define UBP_DELEGATE_CPU_KERNELS_TILE_ROWS_H_

#include <cstddef>
#include <cstdint>

#include "delegate/cpu/kernels/simd.h"
#include "delegate/cpu/kernels/wros_args.h"
#include "delegate/cpu/kernels/wros_blocks.h"

namespace ubp {
namespace {

// Accumulators for a tile of V vectors of pixels: N rows of V vectors.
template <class Simd, int N, int V>
class TileRows {
 public:
  static constexpr int kBlockSize = N;

  explicit UBP_ALWAYS_INLINE TileRows(const WrosArgs& args)
      : min_(Simd::Broadcast(args.min)), max_(Simd::Broadcast(args.max)) {
    LoadMasks(args.mask, Vectors());
  }

  template <int P>
  UBP_ALWAYS_INLINE void Set(float value) {
    SetVectors<P>(value, Vectors());
  }

  template <int P>
  UBP_ALWAYS_INLINE void Store(float* output, const float* residual) {
    if (residual != nullptr) AddVectors<P>(residual, Vectors());
    StoreVectors<P>(output, Vectors());
  }

  // The rows that a later channel will write and add; a tile has few pixels of each, so that no
  // hardware foresees them.
  UBP_ALWAYS_INLINE void PrefetchRow(const float* output, ptrdiff_t output_stride,
                                     const float* residual, ptrdiff_t residual_stride) const {
    if constexpr (Simd::kPrefetchChannels > 0) {
      PrefetchLines<1>(output + Simd::kPrefetchChannels * output_stride, Lines());
      if (residual == nullptr) return;
      PrefetchLines<0>(residual + Simd::kPrefetchChannels * residual_stride, Lines());
    }
  }

  UBP_ALWAYS_INLINE void Add(Blocks* blocks, int32_t count) {
    const int32_t* const end = blocks->offsets + count;
    for (; blocks->offsets != end; ++blocks->offsets, blocks->values += N) {
      const char* lane = blocks->input + *blocks->offsets;
      Prefetch(*blocks);
      AddBlock(reinterpret_cast<const float*>(lane), blocks->values, IndicesUpTo<N>(), Vectors());
    }
  }

 protected:
  using Vec = typename Simd::Vec;
  using Vectors = IndicesUpTo<V>;
  // The cache lines of a row, as if it began with one.
  static constexpr int kLineBytes = 64;
  static constexpr int kRowBytes = V * Simd::kWidth * static_cast<int>(sizeof(float));
  using Lines = IndicesUpTo<(kRowBytes + kLineBytes - 1) / kLineBytes>;

  // Weights are read once for each tile, in one sequence that exceeds the caches close to the core.
  // Hardware follows it within a page only; and what it fetches late stalls all rows at once. Nor
  // can it foresee the lanes: their pixels come from the second-level cache just in time this way.
  static UBP_ALWAYS_INLINE void Prefetch(const Blocks& blocks) {
    if constexpr (Simd::kPrefetchBlocks > 0) {
      __builtin_prefetch(blocks.values + Simd::kPrefetchBlocks * N);
      __builtin_prefetch(blocks.offsets + Simd::kPrefetchBlocks);
    }
    if constexpr (Simd::kPrefetchLanes > 0) {
      static_assert(Simd::kPrefetchLanes <= kOffsetsBeyond);
      PrefetchLines<0>(blocks.input + blocks.offsets[Simd::kPrefetchLanes], Lines());
    }
  }

  // `kWrite`: whether they will be written.
  template <int kWrite, int... I>
  static UBP_ALWAYS_INLINE void PrefetchLines(const void* row, Indices<I...>) {
    (__builtin_prefetch(static_cast<const char*>(row) + I * kLineBytes, kWrite), ...);
  }

  template <int... I>
  UBP_ALWAYS_INLINE void LoadMasks(const uint32_t* mask, Indices<I...>) {
    ((mask_[I] = Simd::LoadMask(mask + I * Simd::kWidth)), ...);
  }

  template <int P, int... I>
  UBP_ALWAYS_INLINE void SetVectors(float value, Indices<I...>) {
    ((row_[P][I] = Simd::Broadcast(value)), ...);
  }

  template <int P, int... I>
  UBP_ALWAYS_INLINE void AddVectors(const float* residual, Indices<I...>) {
    ((row_[P][I] = Simd::Add(row_[P][I], Simd::Load(residual + I * Simd::kWidth))), ...);
  }

  template <int P, int... I>
  UBP_ALWAYS_INLINE void StoreVectors(float* output, Indices<I...>) const {
    (Simd::Store(output + I * Simd::kWidth, Simd::Clamp(row_[P][I], min_, max_, mask_[I])), ...);
  }

  template <int... J, int... I>
  UBP_ALWAYS_INLINE void AddBlock(const float* lane, const float* values, Indices<J...>,
                                  Indices<I...>) {
    const Vec pixels[V] = {Simd::Load(lane + I * Simd::kWidth)...};
    const auto weights = Simd::template LoadWeights<N>(values);
    (AddToRow<J>(pixels, weights, Vectors()), ...);
  }

  template <int J, class Weights, int... I>
  UBP_ALWAYS_INLINE void AddToRow(const Vec (&pixels)[V], const Weights& weights, Indices<I...>) {
    ((row_[J][I] = Simd::template MultiplyAddLane<J>(pixels[I], weights, row_[J][I])), ...);
  }

  Vec row_[N][V];
  typename Simd::Mask mask_[V];
  Vec min_;
  Vec max_;
};

}  // namespace
}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_KERNELS_TILE_ROWS_H_
