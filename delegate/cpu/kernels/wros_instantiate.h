// SPDX-License-Identifier: Apache-2.0
// Builds the BlockKernels of one instruction set from the dataflow in wros.h.
#ifndef UBP_DELEGATE_CPU_KERNELS_WROS_INSTANTIATE_H_
#define UBP_DELEGATE_CPU_KERNELS_WROS_INSTANTIATE_H_

#include "delegate/cpu/kernels/instruction_set.h"
#include "delegate/cpu/kernels/pipelined_rows.h"
#include "delegate/cpu/kernels/pixel_rows.h"
#include "delegate/cpu/kernels/tile_rows.h"
#include "delegate/cpu/kernels/wros.h"

namespace ubp {
namespace {

// The accumulators for tiles.
template <class Simd, int N, int V, bool kPipelined = Simd::kPipelined>
struct RowsOf {
  using Type = TileRows<Simd, N, V>;
};
template <class Simd, int N, int V>
struct RowsOf<Simd, N, V, true> {
  using Type = PipelinedRows<Simd, N, V>;
};

template <class Simd, int N, int MaxVectors, int... V>
constexpr BlockKernels MakeBlockKernels(Indices<V...>) {
  static_assert(MaxVectors <= kMaxVectors);
  return {N,
          MaxVectors,
          {&Wros<typename RowsOf<Simd, N, V + 1>::Type>::Run...},
          &Wros<PixelRows<Simd, N>>::Run};
}

// The kernels for block size N with tiles of up to MaxVectors vectors.
template <class Simd, int N, int MaxVectors>
constexpr BlockKernels Kernels() {
  return MakeBlockKernels<Simd, N, MaxVectors>(IndicesUpTo<MaxVectors>());
}

}  // namespace
}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_KERNELS_WROS_INSTANTIATE_H_
