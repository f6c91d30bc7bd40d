// SPDX-License-Identifier: Apache-2.0
// The accumulators of the WROS dataflow (wros.h) for a tile of pixels, on processors that execute
// instructions in the order of the program: there, what needs a load that is under way waits, and
// all behind it. So pixels and weights of a block are loaded while the block before is computed,
// across start channels too:
//
//   for each vector i of pixels:  row[j][i] += weight[j] * pixels[i]     for j = 0 .. N-1
//                                 pixels[i] = pixels of the next block   within the next i's
//   weights = weights of the next block
//
// Each load goes to the register whose last use it follows: none is needed in addition, none moved.
//
// Compilers must leave this order alone. So Simd has these functions, written as instructions:
//
//   MultiplyAddLane<J>(x, w, acc)   acc + x * w[J], w a vector
//   LoadInOrder(p)                  a vector
//   LoadPart<Size>(p)               Size floats as the first of a vector
//   LoadOffset(p)                   an int32_t as a ptrdiff_t
//
// Reads beyond the blocks it computes: two offsets, one row of pixels, N values.
#ifndef UBP_DELEGATE_CPU_KERNELS_PIPELINED_ROWS_H_
#define UBP_DELEGATE_CPU_KERNELS_PIPELINED_ROWS_H_

#include <cstddef>
#include <cstdint>

#include "delegate/cpu/kernels/simd.h"
#include "delegate/cpu/kernels/tile_rows.h"
#include "delegate/cpu/kernels/wros_args.h"
#include "delegate/cpu/kernels/wros_blocks.h"

namespace ubp {
namespace {

template <class Simd, int N, int V>
class PipelinedRows : public TileRows<Simd, N, V> {
 public:
  explicit UBP_ALWAYS_INLINE PipelinedRows(const WrosArgs& args)
      : Base(args), next_offset_(args.offsets[1]) {
    const char* const first = reinterpret_cast<const char*>(args.input) + args.offsets[0];
    LoadBlock(first, args.values, IndicesUpTo<V>(), Parts());
  }

  UBP_ALWAYS_INLINE void Add(Blocks* blocks, int32_t count) {
    const int32_t* const end = blocks->offsets + count;
    for (; blocks->offsets != end; ++blocks->offsets) {
      const char* const next = blocks->input + next_offset_;
      next_offset_ = Simd::LoadOffset(blocks->offsets + 2);
      blocks->values += N;
      AddVectors(next, IndicesUpTo<V - 1>());
      AddLastVector(next, blocks->values, Parts());
    }
  }

 private:
  using Base = TileRows<Simd, N, V>;
  using Vec = typename Simd::Vec;
  // A vector's worth of a block's weights.
  static constexpr int kPart = N < Simd::kWidth ? N : Simd::kWidth;
  using Part = IndicesUpTo<kPart>;
  using Parts = IndicesUpTo<N / kPart>;

  template <int... I, int... Q>
  UBP_ALWAYS_INLINE void LoadBlock(const char* lane, const float* values, Indices<I...>,
                                   Indices<Q...>) {
    (LoadPixels<I>(lane), ...);
    (LoadWeights<Q>(values), ...);
  }

  template <int I>
  UBP_ALWAYS_INLINE void LoadPixels(const char* lane) {
    pixels_[I] = Simd::LoadInOrder(reinterpret_cast<const float*>(lane) + I * Simd::kWidth);
  }

  template <int Q>
  UBP_ALWAYS_INLINE void LoadWeights(const float* values) {
    weights_[Q] = Simd::template LoadPart<kPart>(values + Q * kPart);
  }

  template <int... I>
  UBP_ALWAYS_INLINE void AddVectors([[maybe_unused]] const char* next, Indices<I...>) {
    (AddVector<I>(next, Parts()), ...);
  }

  template <int I, int... Q>
  UBP_ALWAYS_INLINE void AddVector(const char* next, Indices<Q...>) {
    (AddPart<I, Q>(next, Part()), ...);
  }

  template <int... Q>
  UBP_ALWAYS_INLINE void AddLastVector(const char* next, const float* next_values, Indices<Q...>) {
    ((AddPart<V - 1, Q>(next, Part()), LoadWeights<Q>(next_values)), ...);
    LoadPixels<V - 1>(next);
  }

  // The products of a part's weights; behind the first, the load of the pixels used before.
  template <int I, int Q, int... J>
  UBP_ALWAYS_INLINE void AddPart([[maybe_unused]] const char* next, Indices<J...>) {
    (AddProduct<I, Q, J>(next), ...);
  }

  template <int I, int Q, int J>
  UBP_ALWAYS_INLINE void AddProduct([[maybe_unused]] const char* next) {
    Vec& row = this->row_[Q * kPart + J][I];
    row = Simd::template MultiplyAddLane<J>(pixels_[I], weights_[Q], row);
    if constexpr (I > 0 && Q == 0 && J == 0) LoadPixels<I - 1>(next);
  }

  Vec pixels_[V];           // of the next block
  Vec weights_[N / kPart];  // likewise
  ptrdiff_t next_offset_;   // of the block behind that
};

}  // namespace
}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_KERNELS_PIPELINED_ROWS_H_
