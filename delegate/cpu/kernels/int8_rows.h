// SPDX-License-Identifier: Apache-2.0
// The accumulators of the int8 dataflow (int8_wros.h) for a tile of pixels; `Simd` as in int8_simd.h.
#ifndef UBP_DELEGATE_CPU_KERNELS_INT8_ROWS_H_
#define UBP_DELEGATE_CPU_KERNELS_INT8_ROWS_H_

#include <cstddef>
#include <cstdint>

#include "delegate/cpu/kernels/int8_args.h"
#include "delegate/cpu/kernels/int8_elementwise.h"
#include "delegate/cpu/kernels/int8_simd.h"

namespace ubp {
namespace {

// Where the dataflow is in the stream of a layer's blocks.
struct QuadBlocks {
  const uint8_t* input;    // QuadConvArgs::input
  const int32_t* offsets;  // of the next block
  const int8_t* values;    // of the next block
};

// What adds a residual: nothing where there is no zero point, and so none of a sum.
template <class Simd, Clamp kClamp>
struct ResidualSum {
  explicit UBP_ALWAYS_INLINE ResidualSum(const QuadConvArgs& args)
      : add(args.sum, args.sum_requantization) {}
  AddQuads<Simd> add;
};
template <class Simd>
struct ResidualSum<Simd, Clamp::kPlain> {
  explicit UBP_ALWAYS_INLINE ResidualSum(const QuadConvArgs&) {}
};

// N rows of V vectors of pixels; and those channels that wait for their quad to be complete. A residual
// is added where something is clamped or has a zero point.
template <class Simd, int N, int V, Clamp kClamp>
class QuadRows {
 public:
  static constexpr int kBlockSize = N;

  explicit UBP_ALWAYS_INLINE QuadRows(const QuadConvArgs& args)
      : limits_(Simd::MakeLimits(args.requantization)),
        junk_(Simd::BroadcastQuad(args.junk)),
        residual_sum_(args) {
    LoadMasks(args.mask, Vectors());
  }

  template <int R>
  UBP_ALWAYS_INLINE void Set(int32_t bias) {
    SetVectors<R>(Simd::Broadcast(bias), Vectors());
  }

  // Rounds row R, which is channel C of the next quad; behind the last, C = 3, the quad is stored.
  template <int R, int C>
  UBP_ALWAYS_INLINE void Requantize(float scale, uint8_t* output, const uint8_t* residual) {
    RequantizeVectors<R, C>(Simd::BroadcastScale(scale), output, residual, Vectors());
  }

  // The rows that a later quad will write and read of the residual; a tile has few pixels of each, so
  // that no hardware foresees them. Of channel C its share of their cache lines.
  template <int C>
  UBP_ALWAYS_INLINE void PrefetchRow(const uint8_t* output, ptrdiff_t output_stride,
                                     const uint8_t* residual, ptrdiff_t residual_stride) const {
    if constexpr (Simd::kPrefetchQuads > 0) {
      PrefetchShare<1, C>(output + Simd::kPrefetchQuads * output_stride, Lines());
      if constexpr (kClamp != Clamp::kPlain) {
        if (residual == nullptr || residual == output) return;
        PrefetchShare<0, C>(residual + Simd::kPrefetchQuads * residual_stride, Lines());
      }
    }
  }

  UBP_ALWAYS_INLINE void Add(QuadBlocks* blocks, int32_t count) {
    const int32_t* const end = blocks->offsets + count;
    for (; blocks->offsets != end; ++blocks->offsets, blocks->values += 4 * N) {
      Prefetch(*blocks);
      AddBlock(blocks->input + *blocks->offsets, blocks->values, IndicesUpTo<N>(), Vectors());
    }
  }

 protected:
  using Quads = typename Simd::Quads;
  using Scale = typename Simd::Scale;
  using Vectors = IndicesUpTo<V>;
  static constexpr int kQuadBytes = 4 * Simd::kWidth;  // of a vector
  // The cache lines of a row, as if it began with one.
  static constexpr int kLineBytes = 64;
  using Lines = IndicesUpTo<(V * kQuadBytes + kLineBytes - 1) / kLineBytes>;

  // See TileRows::Prefetch.
  static UBP_ALWAYS_INLINE void Prefetch(const QuadBlocks& blocks) {
    if constexpr (Simd::kPrefetchBlocks > 0) {
      __builtin_prefetch(blocks.values + Simd::kPrefetchBlocks * 4 * N);
      __builtin_prefetch(blocks.offsets + Simd::kPrefetchBlocks);
    }
    if constexpr (Simd::kPrefetchRows > 0) {
      static_assert(Simd::kPrefetchRows <= kQuadOffsetsBeyond);
      PrefetchLines<0>(blocks.input + blocks.offsets[Simd::kPrefetchRows], Lines());
    }
  }

  // `kWrite`: whether they will be written.
  template <int kWrite, int... I>
  static UBP_ALWAYS_INLINE void PrefetchLines(const uint8_t* row, Indices<I...>) {
    (__builtin_prefetch(row + I * kLineBytes, kWrite), ...);
  }

  template <int kWrite, int C, int... I>
  static UBP_ALWAYS_INLINE void PrefetchShare(const uint8_t* row, Indices<I...>) {
    ((I % 4 == C ? __builtin_prefetch(row + I * kLineBytes, kWrite) : void()), ...);
  }

  template <int... I>
  UBP_ALWAYS_INLINE void LoadMasks(const uint32_t* mask, Indices<I...>) {
    ((mask_[I] = Simd::LoadMask(mask + I * Simd::kWidth)), ...);
  }

  template <int R, int... I>
  UBP_ALWAYS_INLINE void SetVectors(typename Simd::Sums bias, Indices<I...>) {
    ((row_[R][I] = bias), ...);
  }

  template <int... J, int... I>
  UBP_ALWAYS_INLINE void AddBlock(const uint8_t* input, const int8_t* values, Indices<J...>,
                                  Indices<I...>) {
    const Quads pixels[V] = {Simd::Load(input + I * kQuadBytes)...};
    const auto weights = Simd::template LoadWeights<N>(values);
    (AddToRow<J>(pixels, weights, Vectors()), ...);
  }

  template <int J, class Weights, int... I>
  UBP_ALWAYS_INLINE void AddToRow(const Quads (&pixels)[V], const Weights& weights, Indices<I...>) {
    const auto weight = Simd::template WeightAt<J>(weights);
    ((row_[J][I] = Simd::template Dot<J>(pixels[I], weight, row_[J][I])), ...);
  }

  template <int R, int C, int... I>
  UBP_ALWAYS_INLINE void RequantizeVectors(Scale scale, uint8_t* output, const uint8_t* residual,
                                           Indices<I...>) {
    (RequantizeVector<C, I>(Simd::template Round<kClamp>(row_[R][I], scale, limits_),
                            output + I * kQuadBytes, residual),
     ...);
  }

  template <int C, int I>
  UBP_ALWAYS_INLINE void RequantizeVector(typename Simd::Sums rounded,
                                          [[maybe_unused]] uint8_t* output,
                                          [[maybe_unused]] const uint8_t* residual) {
    if constexpr (C % 2 == 0) {
      waiting_[I] = rounded;
    } else if constexpr (C == 1) {
      pair_[I] = Simd::template Narrow<kClamp>(waiting_[I], rounded, limits_);
    } else {
      const auto pair = Simd::template Narrow<kClamp>(waiting_[I], rounded, limits_);
      const auto bytes = Simd::template NarrowBytes<kClamp>(pair_[I], pair, limits_);
      Simd::Store(output, QuadsOf<I>(bytes, residual));
    }
  }

  // What is stored, of 4 channels.
  template <int I>
  UBP_ALWAYS_INLINE Quads QuadsOf(Quads bytes, [[maybe_unused]] const uint8_t* residual) const {
    if constexpr (kClamp != Clamp::kPlain) {
      if (residual != nullptr) {
        const Quads added = Simd::Load(residual + I * kQuadBytes);
        return Simd::Select(mask_[I], residual_sum_.add(Simd::Transpose(bytes), added), junk_);
      }
    }
    return Simd::TransposeSelected(mask_[I], bytes, junk_);
  }

  typename Simd::Sums row_[N][V];
  typename Simd::Sums waiting_[V];   // channel 0 or 2 of the next quad
  typename Simd::Narrowed pair_[V];  // its channels 0 and 1
  typename Simd::Mask mask_[V];
  typename Simd::Limits limits_;
  Quads junk_;
  ResidualSum<Simd, kClamp> residual_sum_;
};

}  // namespace
}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_KERNELS_INT8_ROWS_H_
