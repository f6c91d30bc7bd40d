// SPDX-License-Identifier: Apache-2.0
// The kernels for layer normalisation (normalize_args.h); `Simd` as in simd.h. Beside Simd's own
// functions they use the operators + - * / that compilers define on its vectors.
//
// Three passes over the channels of some pixels, which stay in the first or second cache:
//
//   mean = sum(x) / channels;  variance = sum((x - mean)^2) / channels;  output
//
// Sums are made of shorter ones, so that rounding does not add up. In planes a lane is a pixel; in an
// image a pixel is a row of channels, whose lanes are added up in the end.
#ifndef UBP_DELEGATE_CPU_KERNELS_NORMALIZE_H_
#define UBP_DELEGATE_CPU_KERNELS_NORMALIZE_H_

#include <cstddef>
#include <cstdint>

#include "delegate/cpu/kernels/normalize_args.h"
#include "delegate/cpu/kernels/simd.h"

namespace ubp {
namespace {

template <class Simd>
class Normalize {
 public:
  static void Planes(const NormalizeArgs& args) {
    const NormalizeArgs copy = args;  // which what is stored cannot change
    constexpr ptrdiff_t kTile = kVectors * Simd::kWidth;
    ptrdiff_t i = 0;
    for (; i + kTile <= copy.count; i += kTile) RunTile(copy, i, IndicesUpTo<kVectors>());
    for (; i < copy.count; i += Simd::kWidth) RunTile(copy, i, IndicesUpTo<1>());
  }

  static void Rows(const NormalizeArgs& args) {
    const NormalizeArgs copy = args;
    for (ptrdiff_t i = 0; i < copy.count; ++i) RunRow(copy, i * copy.channels);
  }

 private:
  using Vec = typename Simd::Vec;
  typedef uint32_t Bits __attribute__((vector_size(Simd::kWidth * sizeof(uint32_t))));
  static constexpr int kVectors = 4;  // of a tile of pixels; partial sums of a row
  static constexpr int kGroup = 16;   // channels that are summed up by themselves

  // What is summed up: the values, or their squared differences from `mean`.
  struct Value {
    static UBP_ALWAYS_INLINE Vec Add(Vec x, Vec, Vec sum) { return Simd::Add(sum, x); }
    static UBP_ALWAYS_INLINE float Add(float x, float, float sum) { return sum + x; }
  };
  struct Square {
    static UBP_ALWAYS_INLINE Vec Add(Vec x, Vec mean, Vec sum) {
      const Vec difference = x - mean;
      return Simd::MultiplyAdd(difference, difference, sum);
    }
    static UBP_ALWAYS_INLINE float Add(float x, float mean, float sum) {
      const float difference = x - mean;
      return sum + difference * difference;
    }
  };

  // 1 / sqrt(v) of normal numbers above zero, by Newton's method: its steps leave 3e-2, 2e-3, 5e-6 and
  // 3e-11 of the value beside rounding. Zero of infinity; NaN stays NaN.
  static UBP_ALWAYS_INLINE Vec ReciprocalRoot(Vec v) {
    const Vec half = v * Simd::Broadcast(0.5f);
    const Vec most = Simd::Broadcast(3.4028235e38f);
    Vec root = (Vec)(0x5f375a86u - ((Bits)v >> 1));
    for (int step = 0; step < 3; ++step) {
      root = root * (Simd::Broadcast(1.5f) - half * root * root);
    }
    return v > most ? Simd::Broadcast(0.0f) : root;
  }

  // ---- planes: `V` are the vectors of a tile

  template <class Term, int N, int... V>
  static UBP_ALWAYS_INLINE void SumUp(const NormalizeArgs& args, const float* input,
                                      const Vec (&mean)[N], Vec (&sums)[N], Indices<V...>) {
    const Vec zero = Simd::Broadcast(0.0f);
    for (int c = 0; c < args.channels;) {
      const int end = args.channels - c < kGroup ? args.channels : c + kGroup;
      Vec group[] = {((void)V, zero)...};
      for (; c < end; ++c, input += args.stride) {
        ((group[V] = Term::Add(Simd::Load(input + V * Simd::kWidth), mean[V], group[V])), ...);
      }
      ((sums[V] = Simd::Add(sums[V], group[V])), ...);
    }
  }

  template <int... V>
  static UBP_ALWAYS_INLINE void RunTile(const NormalizeArgs& args, ptrdiff_t first,
                                        Indices<V...> tile) {
    const float* input = args.input + first;
    float* output = args.output + first;
    const Vec zero = Simd::Broadcast(0.0f);
    const Vec channels = Simd::Broadcast(static_cast<float>(args.channels));
    Vec mean[] = {((void)V, zero)...};
    SumUp<Value>(args, input, mean, mean, tile);
    ((mean[V] = mean[V] / channels), ...);
    Vec factor[] = {((void)V, zero)...};
    SumUp<Square>(args, input, mean, factor, tile);
    const Vec epsilon = Simd::Broadcast(args.epsilon);
    ((factor[V] = ReciprocalRoot(factor[V] / channels + epsilon)), ...);
    const typename Simd::Mask mask[] = {Simd::LoadMask(args.mask + first + V * Simd::kWidth)...};
    const Vec min = Simd::Broadcast(args.min);
    const Vec max = Simd::Broadcast(args.max);
    for (int c = 0; c < args.channels; ++c, input += args.stride, output += args.stride) {
      const Vec scale = Simd::Broadcast(args.scale[c]);
      const Vec offset = Simd::Broadcast(args.offset[c]);
      (Simd::Store(output + V * Simd::kWidth,
                   Simd::Clamp(Simd::MultiplyAdd(
                                   (Simd::Load(input + V * Simd::kWidth) - mean[V]) * factor[V],
                                   scale, offset),
                               min, max, mask[V])),
       ...);
    }
  }

  // ---- an image: `V` are partial sums

  template <class Term, int... V>
  static UBP_ALWAYS_INLINE float MeanOf(const float* row, int channels, float mean, Indices<V...>) {
    const Vec zero = Simd::Broadcast(0.0f);
    const Vec means = Simd::Broadcast(mean);
    Vec sums[] = {((void)V, zero)...};
    int c = 0;
    for (; c + kVectors * Simd::kWidth <= channels; c += kVectors * Simd::kWidth) {
      ((sums[V] = Term::Add(Simd::Load(row + c + V * Simd::kWidth), means, sums[V])), ...);
    }
    for (; c + Simd::kWidth <= channels; c += Simd::kWidth) {
      sums[0] = Term::Add(Simd::Load(row + c), means, sums[0]);
    }
    float lanes[Simd::kWidth];
    Simd::Store(lanes, (sums[V] + ...));
    for (int half = Simd::kWidth / 2; half > 0; half /= 2) {
      for (int i = 0; i < half; ++i) lanes[i] += lanes[i + half];
    }
    float sum = lanes[0];
    for (; c < channels; ++c) sum = Term::Add(row[c], mean, sum);
    return sum / static_cast<float>(channels);
  }

  static UBP_ALWAYS_INLINE void RunRow(const NormalizeArgs& args, ptrdiff_t first) {
    const float* const input = args.input + first;
    float* const output = args.output + first;
    const auto chains = IndicesUpTo<kVectors>();
    const float mean = MeanOf<Value>(input, args.channels, 0.0f, chains);
    const float variance = MeanOf<Square>(input, args.channels, mean, chains);
    float factors[Simd::kWidth];
    Simd::Store(factors, ReciprocalRoot(Simd::Broadcast(variance + args.epsilon)));
    const float factor = factors[0];
    const Vec means = Simd::Broadcast(mean);
    const Vec all_factors = Simd::Broadcast(factor);
    int c = 0;
    for (; c + Simd::kWidth <= args.channels; c += Simd::kWidth) {
      const Vec y = Simd::MultiplyAdd((Simd::Load(input + c) - means) * all_factors,
                                      Simd::Load(args.scale + c), Simd::Load(args.offset + c));
      // Where y is NaN, that is the result.
      Simd::Store(output + c,
                  Simd::Min(Simd::Broadcast(args.max), Simd::Max(Simd::Broadcast(args.min), y)));
    }
    for (; c < args.channels; ++c) {
      const float y = (input[c] - mean) * factor * args.scale[c] + args.offset[c];
      const float raised = y < args.min ? args.min : y;
      output[c] = raised > args.max ? args.max : raised;
    }
  }
};

}  // namespace
}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_KERNELS_NORMALIZE_H_
