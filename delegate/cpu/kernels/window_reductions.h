// SPDX-License-Identifier: Apache-2.0
// What window kernels (window.h) make of the pixels that taps read; `Simd` as in simd.h. A reduction has
//
//   kByColumn               whether it is not the same for all taps of a row
//   Start, Weight           before the first tap; what belongs to a tap
//   Add(pixels, weight, r)  r and what a tap reads
//   Join(a, b)              of parts of the taps, that of all
//   Finish(.., r)           at the end, before the activation
#ifndef UBP_DELEGATE_CPU_KERNELS_WINDOW_REDUCTIONS_H_
#define UBP_DELEGATE_CPU_KERNELS_WINDOW_REDUCTIONS_H_

#include <cstddef>

#include "delegate/cpu/kernels/simd.h"
#include "delegate/cpu/kernels/window_args.h"

namespace ubp {
namespace {

template <class Simd>
struct WeightedSum {
  using Vec = typename Simd::Vec;
  static constexpr bool kByColumn = true;
  static UBP_ALWAYS_INLINE Vec Start(const WindowArgs& args, int channel) {
    return Simd::Broadcast(args.bias[channel]);
  }
  static UBP_ALWAYS_INLINE Vec Weight(const WindowArgs& args, int channel, int tap) {
    return Simd::Broadcast(args.weights[ptrdiff_t{channel} * args.num_taps + tap]);
  }
  static UBP_ALWAYS_INLINE Vec Add(Vec pixels, Vec weight, Vec result) {
    return Simd::MultiplyAdd(pixels, weight, result);
  }
  static UBP_ALWAYS_INLINE Vec Join(Vec a, Vec b) { return Simd::Add(a, b); }
  static UBP_ALWAYS_INLINE Vec Finish(const WindowArgs&, ptrdiff_t, Vec result) { return result; }
};

template <class Simd>
struct Maximum {
  using Vec = typename Simd::Vec;
  static constexpr bool kByColumn = false;
  static UBP_ALWAYS_INLINE Vec Start(const WindowArgs&, int) {
    return Simd::Broadcast(-__FLT_MAX__);
  }
  static UBP_ALWAYS_INLINE Vec Weight(const WindowArgs&, int, int) { return Vec{}; }
  static UBP_ALWAYS_INLINE Vec Add(Vec pixels, Vec, Vec result) {
    return Simd::Max(pixels, result);
  }
  static UBP_ALWAYS_INLINE Vec Join(Vec a, Vec b) { return Simd::Max(a, b); }
  static UBP_ALWAYS_INLINE Vec Finish(const WindowArgs&, ptrdiff_t, Vec result) { return result; }
};

template <class Simd>
struct ScaledSum {
  using Vec = typename Simd::Vec;
  static constexpr bool kByColumn = false;
  static UBP_ALWAYS_INLINE Vec Start(const WindowArgs&, int) { return Simd::Broadcast(0.0f); }
  static UBP_ALWAYS_INLINE Vec Weight(const WindowArgs&, int, int) { return Vec{}; }
  static UBP_ALWAYS_INLINE Vec Add(Vec pixels, Vec, Vec result) {
    return Simd::Add(pixels, result);
  }
  static UBP_ALWAYS_INLINE Vec Join(Vec a, Vec b) { return Simd::Add(a, b); }
  static UBP_ALWAYS_INLINE Vec Finish(const WindowArgs& args, ptrdiff_t pixel, Vec result) {
    return result * Simd::Load(args.scale + pixel);
  }
};

}  // namespace
}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_KERNELS_WINDOW_REDUCTIONS_H_
