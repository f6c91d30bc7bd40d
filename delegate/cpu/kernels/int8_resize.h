// SPDX-License-Identifier: Apache-2.0
// Bilinear resizing of int8 in planes of quads; `Simd` as in int8_simd.h.
#ifndef UBP_DELEGATE_CPU_KERNELS_INT8_RESIZE_H_
#define UBP_DELEGATE_CPU_KERNELS_INT8_RESIZE_H_

#include <cstddef>
#include <cstdint>

#include "delegate/cpu/kernels/int8_args.h"
#include "delegate/cpu/kernels/int8_simd.h"

namespace ubp {
namespace {

// The weights of a pixel's four neighbours add up to 2^(2 kBlendBits), so that what is added to values
// to store them comes out of a row as it went in.
template <class Simd>
class QuadResize {
 public:
  static void Row(const QuadResizeArgs& args) {
    BlendRows(args);
    const auto limits = Simd::MakeLimits(Bytes());
    const Quads junk = Simd::BroadcastQuad(args.junk);
    for (int i = 0; i < args.vectors; ++i) {
      const Quads pixels = Simd::Pixels(Part<0>(args, i), Part<1>(args, i), Part<2>(args, i),
                                        Part<3>(args, i), limits);
      const auto counts = Simd::LoadMask(args.mask + i * Simd::kWidth);
      Simd::Store(args.output + ptrdiff_t{i} * kVectorBytes, Simd::Select(counts, pixels, junk));
    }
  }

 private:
  using Sums = typename Simd::Sums;
  using Quads = typename Simd::Quads;
  static constexpr int kVectorBytes = 4 * Simd::kWidth;

  // What is stored, as it is.
  static constexpr Requantization Bytes() {
    return Simd::kFlip != 0 ? Requantization{0, 0, 255, true} : Requantization{0, -128, 127, true};
  }

  static UBP_ALWAYS_INLINE void BlendRows(const QuadResizeArgs& args) {
    const Sums share = Simd::Broadcast(args.share);
    const Sums rest = Simd::Broadcast((1 << kBlendBits) - args.share);
    for (int i = 0; i < args.input_vectors; ++i) {
      const Quads above = Simd::Load(args.above + ptrdiff_t{i} * kVectorBytes);
      const Quads below = Simd::Load(args.below + ptrdiff_t{i} * kVectorBytes);
      int32_t* const blended = args.blended + ptrdiff_t{i} * kVectorBytes;
      BlendParts(above, rest, below, share, blended, IndicesUpTo<4>());
    }
  }

  template <int... I>
  static UBP_ALWAYS_INLINE void BlendParts(Quads above, Sums rest, Quads below, Sums share,
                                           int32_t* blended, Indices<I...>) {
    (StoreSums(Blend(Simd::template Unpack<I>(above), rest, Simd::template Unpack<I>(below), share),
               blended + I * Simd::kWidth),
     ...);
  }

  // Pixels 4 l + I of vector i, for lane l.
  template <int I>
  static UBP_ALWAYS_INLINE Sums Part(const QuadResizeArgs& args, int i) {
    const ptrdiff_t first = ptrdiff_t{i} * Simd::kWidth + I;
    const ptrdiff_t part = ptrdiff_t{i} * kVectorBytes + I * Simd::kWidth;
    const Sums sum =
        Blend(Simd::GatherSums(args.blended, args.lower + first), LoadPart(args.rests + part),
              Simd::GatherSums(args.blended, args.upper + first), LoadPart(args.shares + part));
    return Simd::ShiftRight(Simd::Add(sum, Simd::Broadcast(1 << (2 * kBlendBits - 1))),
                            2 * kBlendBits);
  }

  static UBP_ALWAYS_INLINE Sums Blend(Sums a, Sums a_weight, Sums b, Sums b_weight) {
    return Simd::Add(Simd::Multiply(a, a_weight), Simd::Multiply(b, b_weight));
  }

  static UBP_ALWAYS_INLINE Sums LoadPart(const int32_t* p) {
    Sums sums;
    __builtin_memcpy(&sums, p, sizeof(sums));
    return sums;
  }

  static UBP_ALWAYS_INLINE void StoreSums(Sums sums, int32_t* p) {
    __builtin_memcpy(p, &sums, sizeof(sums));
  }
};

}  // namespace
}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_KERNELS_INT8_RESIZE_H_
