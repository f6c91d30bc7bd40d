// SPDX-License-Identifier: Apache-2.0
// The kernel of RESIZE_BILINEAR (resize_args.h); `Simd` as in simd.h.
//
// In an image that grows, the inputs of a vector of outputs are neighbours: they are loaded as one
// vector, of which each output picks its two.
#ifndef UBP_DELEGATE_CPU_KERNELS_RESIZE_H_
#define UBP_DELEGATE_CPU_KERNELS_RESIZE_H_

#include "delegate/cpu/kernels/resize_args.h"
#include "delegate/cpu/kernels/simd.h"

namespace ubp {
namespace {

template <class Simd>
class Resize {
 public:
  static void Row(const ResizeRowArgs& args) {
    const ResizeRowArgs copy = args;  // which what is stored cannot change
    BlendRows(copy);
    int x = 0;
    for (int vector = 0; x + Simd::kWidth <= copy.out_width; ++vector, x += Simd::kWidth) {
      if (copy.first[vector] < 0) {
        BlendOneByOne(copy, x, x + Simd::kWidth);
        continue;
      }
      const Vec inputs = Simd::Load(copy.blended + copy.first[vector]);
      const Vec lower = Simd::Pick(inputs, copy.lower + x);
      const Vec upper = Simd::Pick(inputs, copy.upper + x);
      Simd::Store(copy.output + x, Between(lower, upper, Simd::Load(copy.fraction + x)));
    }
    BlendOneByOne(copy, x, copy.out_width);
  }

 private:
  using Vec = typename Simd::Vec;

  // Not a + (b - a) * share, which would make NaN of an infinite a.
  static UBP_ALWAYS_INLINE Vec Between(Vec a, Vec b, Vec share) {
    return Simd::MultiplyAdd(b, share, a * (Simd::Broadcast(1.0f) - share));
  }
  static UBP_ALWAYS_INLINE float Between(float a, float b, float share) {
    return a * (1.0f - share) + b * share;
  }

  static UBP_ALWAYS_INLINE void BlendRows(const ResizeRowArgs& args) {
    const Vec share = Simd::Broadcast(args.share);
    int x = 0;
    for (; x + Simd::kWidth <= args.in_width; x += Simd::kWidth) {
      Simd::Store(args.blended + x,
                  Between(Simd::Load(args.above + x), Simd::Load(args.below + x), share));
    }
    for (; x < args.in_width; ++x) {
      args.blended[x] = Between(args.above[x], args.below[x], args.share);
    }
  }

  static UBP_ALWAYS_INLINE void BlendOneByOne(const ResizeRowArgs& args, int x, int end) {
    for (; x < end; ++x) {
      args.output[x] =
          Between(args.blended[args.lower[x]], args.blended[args.upper[x]], args.fraction[x]);
    }
  }
};

}  // namespace
}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_KERNELS_RESIZE_H_
