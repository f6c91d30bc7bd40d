// SPDX-License-Identifier: Apache-2.0
// Builds the kernels of one instruction set from the dataflow in int8_wros.h.
#ifndef UBP_DELEGATE_CPU_KERNELS_INT8_INSTANTIATE_H_
#define UBP_DELEGATE_CPU_KERNELS_INT8_INSTANTIATE_H_

#include "delegate/cpu/kernels/int8_instruction_set.h"
#include "delegate/cpu/kernels/int8_pipelined_rows.h"
#include "delegate/cpu/kernels/int8_pixel.h"
#include "delegate/cpu/kernels/int8_rows.h"
#include "delegate/cpu/kernels/int8_wros.h"

namespace ubp {
namespace {

// The accumulators for tiles.
template <class Simd, int N, int V, Clamp kClamp, bool kPipelined = Simd::kPipelined>
struct QuadRowsOf {
  using Type = QuadRows<Simd, N, V, kClamp>;
};
template <class Simd, int N, int V, Clamp kClamp>
struct QuadRowsOf<Simd, N, V, kClamp, true> {
  using Type = PipelinedQuadRows<Simd, N, V, kClamp>;
};

template <class Simd, int N, int V>
void RunQuadTile(const QuadConvArgs& args) {
  const Requantization& requantization = args.requantization;
  if (!requantization.saturates) {
    QuadWros<typename QuadRowsOf<Simd, N, V, Clamp::kFull>::Type>::Run(args);
  } else if (requantization.zero_point != 0 || args.residual != nullptr) {
    QuadWros<typename QuadRowsOf<Simd, N, V, Clamp::kSaturated>::Type>::Run(args);
  } else {
    QuadWros<typename QuadRowsOf<Simd, N, V, Clamp::kPlain>::Type>::Run(args);
  }
}

template <class Simd, int N, int MaxVectors, int... V>
constexpr QuadBlockKernels MakeQuadKernels(Indices<V...>) {
  static_assert(MaxVectors <= kMaxVectors);
  return {N, MaxVectors, {&RunQuadTile<Simd, N, V + 1>...}, &QuadPixel<Simd, N>::Run};
}

// The kernels for block size N with tiles of up to MaxVectors vectors.
template <class Simd, int N, int MaxVectors>
constexpr QuadBlockKernels QuadKernels() {
  return MakeQuadKernels<Simd, N, MaxVectors>(IndicesUpTo<MaxVectors>());
}

}  // namespace
}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_KERNELS_INT8_INSTANTIATE_H_
