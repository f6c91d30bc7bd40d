// SPDX-License-Identifier: Apache-2.0
// The accumulators of the int8 dataflow (int8_wros.h) with a block's loads among the products of the
// block before, as pipelined_rows.h has them: for processors that execute instructions in the order of
// the program. Others lose nothing by it.
//
// Compilers must leave this order alone. So Simd has these functions, written as instructions:
//
//   DotInOrder<J>(x, w, sums)   sums + x . w, of quads with the 4 weights at position J mod 4 of w
//   LoadInOrder<bytes>(p)       so many bytes as the first of a vector
//   LoadOffset(p)               an int32_t as a ptrdiff_t
//
// Reads beyond the blocks it computes: two offsets, one row of pixels, N quads of weights.
#ifndef UBP_DELEGATE_CPU_KERNELS_INT8_PIPELINED_ROWS_H_
#define UBP_DELEGATE_CPU_KERNELS_INT8_PIPELINED_ROWS_H_

#include <cstddef>
#include <cstdint>

#include "delegate/cpu/kernels/int8_args.h"
#include "delegate/cpu/kernels/int8_rows.h"
#include "delegate/cpu/kernels/int8_simd.h"

namespace ubp {
namespace {

template <class Simd, int N, int V, Clamp kClamp>
class PipelinedQuadRows : public QuadRows<Simd, N, V, kClamp> {
 public:
  explicit UBP_ALWAYS_INLINE PipelinedQuadRows(const QuadConvArgs& args)
      : Base(args), next_offset_(args.offsets[1]) {
    LoadBlock(args.input + args.offsets[0], args.values, IndicesUpTo<V>(), Parts());
  }

  UBP_ALWAYS_INLINE void Add(QuadBlocks* blocks, int32_t count) {
    const int32_t* const end = blocks->offsets + count;
    for (; blocks->offsets != end; ++blocks->offsets) {
      const uint8_t* const next = blocks->input + next_offset_;
      next_offset_ = Simd::LoadOffset(blocks->offsets + 2);
      blocks->values += 4 * N;
      AddVectors(next, IndicesUpTo<V - 1>());
      AddLastVector(next, blocks->values, Parts());
    }
  }

 private:
  using Base = QuadRows<Simd, N, V, kClamp>;
  using Quads = typename Simd::Quads;
  // Positions whose weights are in one vector.
  static constexpr int kPart = N < Simd::kWidth ? N : Simd::kWidth;
  using Part = IndicesUpTo<kPart>;
  using Parts = IndicesUpTo<N / kPart>;

  template <int... I, int... Q>
  UBP_ALWAYS_INLINE void LoadBlock(const uint8_t* input, const int8_t* values, Indices<I...>,
                                   Indices<Q...>) {
    (LoadPixels<I>(input), ...);
    (LoadWeights<Q>(values), ...);
  }

  template <int I>
  UBP_ALWAYS_INLINE void LoadPixels(const uint8_t* input) {
    pixels_[I] = Simd::template LoadInOrder<Base::kQuadBytes>(input + I * Base::kQuadBytes);
  }

  template <int Q>
  UBP_ALWAYS_INLINE void LoadWeights(const int8_t* values) {
    weights_[Q] = Simd::template LoadInOrder<4 * kPart>(values + Q * 4 * kPart);
  }

  template <int... I>
  UBP_ALWAYS_INLINE void AddVectors([[maybe_unused]] const uint8_t* next, Indices<I...>) {
    (AddVector<I>(next, Parts()), ...);
  }

  template <int I, int... Q>
  UBP_ALWAYS_INLINE void AddVector(const uint8_t* next, Indices<Q...>) {
    (AddPart<I, Q>(next, Part()), ...);
  }

  template <int... Q>
  UBP_ALWAYS_INLINE void AddLastVector(const uint8_t* next, const int8_t* next_values,
                                       Indices<Q...>) {
    ((AddPart<V - 1, Q>(next, Part()), LoadWeights<Q>(next_values)), ...);
    if constexpr (V % 2 == 0) LoadPixels<V - 2>(next);
    LoadPixels<V - 1>(next);
  }

  // The products of a part's weights; behind the first of every other vector, the loads of the pixels
  // used before. Two at a time: a load waits for products that are under way to end in order.
  template <int I, int Q, int... J>
  UBP_ALWAYS_INLINE void AddPart([[maybe_unused]] const uint8_t* next, Indices<J...>) {
    (AddProduct<I, Q, J>(next), ...);
  }

  template <int I, int Q, int J>
  UBP_ALWAYS_INLINE void AddProduct([[maybe_unused]] const uint8_t* next) {
    auto& row = this->row_[Q * kPart + J][I];
    row = Simd::template DotInOrder<J>(pixels_[I], weights_[Q], row);
    if constexpr (I > 0 && I % 2 == 0 && Q == 0 && J == 0) {
      LoadPixels<I - 2>(next);
      LoadPixels<I - 1>(next);
    }
  }

  Quads pixels_[V];           // of the next block
  Quads weights_[N / kPart];  // likewise
  ptrdiff_t next_offset_;     // of the block behind that
};

}  // namespace
}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_KERNELS_INT8_PIPELINED_ROWS_H_
