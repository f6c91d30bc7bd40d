// SPDX-License-Identifier: Apache-2.0
// Sums and products of two int8 tensors in planes of quads; `Simd` as in int8_simd.h.
#ifndef UBP_DELEGATE_CPU_KERNELS_INT8_ELEMENTWISE_H_
#define UBP_DELEGATE_CPU_KERNELS_INT8_ELEMENTWISE_H_

#include <cstddef>
#include <cstdint>

#include "delegate/cpu/kernels/int8_args.h"
#include "delegate/cpu/kernels/int8_simd.h"

namespace ubp {
namespace {

// Each function makes bytes of those of a and b.
//
// a * a_multiplier + b * b_multiplier + bias as sums. The shift is at least kLowBits.
template <class Simd, bool kPairs = Simd::kPairs>
class WeightedSums {
 public:
  explicit UBP_ALWAYS_INLINE WeightedSums(const QuadSum& sum)
      : bias_(Simd::Broadcast(sum.bias)),
        a_multiplier_(Simd::Broadcast(sum.a_multiplier)),
        b_multiplier_(Simd::Broadcast(sum.b_multiplier)),
        shift_(sum.shift) {}

  template <int I>
  UBP_ALWAYS_INLINE typename Simd::Sums Part(typename Simd::Quads a, typename Simd::Quads b) const {
    const Sums scaled_a = Simd::Multiply(Simd::template Unpack<I>(a), a_multiplier_);
    const Sums scaled_b = Simd::Multiply(Simd::template Unpack<I>(b), b_multiplier_);
    return Simd::ShiftRight(Simd::Add(scaled_b, Simd::Add(scaled_a, bias_)), shift_);
  }

 private:
  using Sums = typename Simd::Sums;
  Sums bias_, a_multiplier_, b_multiplier_;
  int shift_;
};

// The same with dot products of pairs of int16: each multiplier is high * 2^kLowBits + low. What is
// shifted out of the sum of the low products, with the bias, adds nothing to the whole.
template <class Simd>
class WeightedSums<Simd, true> {
 public:
  explicit UBP_ALWAYS_INLINE WeightedSums(const QuadSum& sum)
      : bias_(Simd::Broadcast(sum.bias)),
        low_(Pair(Low(sum.a_multiplier), Low(sum.b_multiplier))),
        high_(Pair(sum.a_multiplier >> kLowBits, sum.b_multiplier >> kLowBits)),
        shift_(sum.shift - kLowBits) {}

  template <int I>
  UBP_ALWAYS_INLINE typename Simd::Sums Part(typename Simd::Quads a, typename Simd::Quads b) const {
    const auto pairs = Simd::template UnpackPairs<I>(a, b);
    const Sums carried = Simd::ShiftRight(Simd::DotPairs(pairs, low_, bias_), kLowBits);
    return Simd::ShiftRight(Simd::DotPairs(pairs, high_, carried), shift_);
  }

 private:
  using Sums = typename Simd::Sums;

  static UBP_ALWAYS_INLINE int32_t Low(int32_t x) { return x & ((1 << kLowBits) - 1); }
  static UBP_ALWAYS_INLINE Sums Pair(int32_t first, int32_t second) {
    return Simd::Broadcast(static_cast<int32_t>(static_cast<uint32_t>(second) << 16 |
                                                (static_cast<uint32_t>(first) & 0xffff)));
  }

  Sums bias_, low_, high_;
  int shift_;
};

template <class Simd>
class AddQuads {
 public:
  explicit UBP_ALWAYS_INLINE AddQuads(const QuadBinaryArgs& args)
      : AddQuads(args.sum, args.requantization) {}
  UBP_ALWAYS_INLINE AddQuads(const QuadSum& sum, const Requantization& requantization)
      : sums_(sum),
        limits_(Simd::MakeLimits(requantization)),
        max_(Simd::BroadcastQuad(0x01010101u * static_cast<uint8_t>(requantization.max))) {}

  UBP_ALWAYS_INLINE typename Simd::Quads operator()(typename Simd::Quads a,
                                                    typename Simd::Quads b) const {
    const auto bytes =
        Simd::Pixels(sums_.template Part<0>(a, b), sums_.template Part<1>(a, b),
                     sums_.template Part<2>(a, b), sums_.template Part<3>(a, b), limits_);
    return Simd::LeastBytes(bytes, max_);
  }

 private:
  WeightedSums<Simd> sums_;
  typename Simd::Limits limits_;
  typename Simd::Quads max_;
};

template <class Simd>
class MultiplyQuads {
 public:
  explicit UBP_ALWAYS_INLINE MultiplyQuads(const QuadBinaryArgs& args)
      : a_zero_(Simd::Broadcast(-args.multiply.a_zero_point)),
        b_zero_(Simd::Broadcast(-args.multiply.b_zero_point)),
        product_scale_(args.multiply.scale),
        scale_(Simd::BroadcastScale(args.multiply.scale.scale)),
        limits_(Simd::MakeLimits(args.requantization)),
        max_(Simd::BroadcastQuad(0x01010101u * static_cast<uint8_t>(args.requantization.max))) {}

  UBP_ALWAYS_INLINE typename Simd::Quads operator()(typename Simd::Quads a,
                                                    typename Simd::Quads b) const {
    const auto bytes =
        Simd::Pixels(Part<0>(a, b), Part<1>(a, b), Part<2>(a, b), Part<3>(a, b), limits_);
    return kFixedPointProducts ? Simd::LeastBytes(bytes, max_) : bytes;
  }

 private:
  template <int I>
  UBP_ALWAYS_INLINE typename Simd::Sums Part(typename Simd::Quads a, typename Simd::Quads b) const {
    const auto product = Simd::Multiply(Simd::Add(Simd::template Unpack<I>(a), a_zero_),
                                        Simd::Add(Simd::template Unpack<I>(b), b_zero_));
    if constexpr (kFixedPointProducts) {
      return Simd::ScaleInFixedPoint(product, product_scale_);
    } else {
      return Simd::template Round<Clamp::kFull>(product, scale_, limits_);
    }
  }

  typename Simd::Sums a_zero_, b_zero_;
  ProductScale product_scale_;
  typename Simd::Scale scale_;
  typename Simd::Limits limits_;
  typename Simd::Quads max_;
};

template <class Simd, class Function>
class QuadBinary {
 public:
  static void Run(const QuadBinaryArgs& args) {
    QuadBinary binary(args);
    const uint8_t* a = args.a;
    const uint8_t* b = args.b;
    uint8_t* output = args.output;
    for (int q = 0; q < args.quads; ++q) {
      if (args.b_is_pixel) {
        binary.RunPlane<true>(a, b, output);
      } else {
        binary.RunPlane<false>(a, b, output);
      }
      a += args.a_plane;
      b += args.b_plane;
      output += args.output_plane;
    }
  }

 private:
  using Quads = typename Simd::Quads;
  static constexpr int kQuadBytes = 4;

  explicit UBP_ALWAYS_INLINE QuadBinary(const QuadBinaryArgs& args)
      : args_(args), function_(args), junk_(Simd::BroadcastQuad(args.junk)) {}

  template <bool kPixel>
  UBP_ALWAYS_INLINE void RunPlane(const uint8_t* a, const uint8_t* b, uint8_t* output) const {
    const uint32_t* mask = args_.mask;
    uint32_t pixel;
    __builtin_memcpy(&pixel, b, sizeof(pixel));
    const Quads pixels = Simd::BroadcastQuad(pixel);
    for (int y = 0; y < args_.rows; ++y) {
      for (int i = 0; i < args_.vectors; ++i) {
        const ptrdiff_t at = ptrdiff_t{i} * kQuadBytes * Simd::kWidth;
        const Quads result = function_(Simd::Load(a + at), kPixel ? pixels : Simd::Load(b + at));
        const auto counts = Simd::LoadMask(mask + i * Simd::kWidth);
        Simd::Store(output + at, Simd::Select(counts, result, junk_));
      }
      a += args_.a_pitch;
      if constexpr (!kPixel) b += args_.b_pitch;
      output += args_.output_pitch;
      mask += args_.output_pitch / kQuadBytes;
    }
  }

  const QuadBinaryArgs& args_;
  Function function_;
  Quads junk_;
};

}  // namespace
}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_KERNELS_INT8_ELEMENTWISE_H_
