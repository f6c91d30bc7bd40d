// SPDX-License-Identifier: Apache-2.0
// The dot-product kernel: a dense layer at a single pixel. Its time is that of reading the weights
// once, so they are read where they lie in the model, several rows abreast to have enough loads
// under way. `Simd` as in simd.h.
#ifndef UBP_DELEGATE_CPU_KERNELS_DOT_H_
#define UBP_DELEGATE_CPU_KERNELS_DOT_H_

#include <cstddef>

#include "delegate/cpu/kernels/dot_args.h"
#include "delegate/cpu/kernels/simd.h"

namespace ubp {
namespace {

template <class Simd>
class Dot {
 public:
  static void Run(const DotArgs& args) {
    int r = 0;
    for (; r + kRows <= args.rows; r += kRows) RunRows(args, r, IndicesUpTo<kRows>());
    for (; r < args.rows; ++r) RunRows(args, r, IndicesUpTo<1>());
  }

 private:
  using Vec = typename Simd::Vec;
  static constexpr int kRows = 4;
  static constexpr int kChains =
      2;  // partial sums per row, to hide the latency of the multiply-add

  template <int... R>
  static UBP_ALWAYS_INLINE void RunRows(const DotArgs& args, int row, Indices<R...>) {
    const float* const first = args.weights + ptrdiff_t{row} * args.length;
    const float* const weights[] = {first + ptrdiff_t{R} * args.length...};
    const Vec zero = Simd::Broadcast(0.0f);
    Vec even[sizeof...(R)] = {((void)R, zero)...};
    Vec odd[sizeof...(R)] = {((void)R, zero)...};
    int k = 0;
    for (; k + kChains * Simd::kWidth <= args.length; k += kChains * Simd::kWidth) {
      const Vec a = Simd::Load(args.input + k);
      const Vec b = Simd::Load(args.input + k + Simd::kWidth);
      (Prefetch(weights[R] + k + ptrdiff_t{kRows} * args.length), ...);
      ((even[R] = Simd::MultiplyAdd(Simd::Load(weights[R] + k), a, even[R])), ...);
      ((odd[R] = Simd::MultiplyAdd(Simd::Load(weights[R] + k + Simd::kWidth), b, odd[R])), ...);
    }
    (Finish(args, row + R, k, weights[R], Simd::Add(even[R], odd[R])), ...);
  }

  // What the next rows will read: hardware follows a row within a page only.
  static UBP_ALWAYS_INLINE void Prefetch(const float* weights) {
    if constexpr (Simd::kPrefetchBlocks > 0) {
      __builtin_prefetch(weights);
      __builtin_prefetch(weights + Simd::kWidth);
    }
  }

  // Adds up a row's lanes, halves onto halves, and the rest of its products.
  static UBP_ALWAYS_INLINE void Finish(const DotArgs& args, int row, int k, const float* weights,
                                       Vec sums) {
    float lanes[Simd::kWidth];
    Simd::Store(lanes, sums);
    for (int half = Simd::kWidth / 2; half > 0; half /= 2) {
      for (int i = 0; i < half; ++i) lanes[i] += lanes[i + half];
    }
    float sum = lanes[0] + (args.bias != nullptr ? args.bias[row] : 0.0f);
    for (; k < args.length; ++k) sum += weights[k] * args.input[k];
    const float raised = sum < args.min ? args.min : sum;
    args.output[row] = raised > args.max ? args.max : raised;
  }
};

}  // namespace
}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_KERNELS_DOT_H_
