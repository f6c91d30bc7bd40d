// SPDX-License-Identifier: Apache-2.0
// Pooling of int8 in planes of quads, and sums of whole planes; `Simd` as in int8_simd.h.
#ifndef UBP_DELEGATE_CPU_KERNELS_INT8_POOL_H_
#define UBP_DELEGATE_CPU_KERNELS_INT8_POOL_H_

#include <cstddef>
#include <cstdint>

#include "delegate/cpu/kernels/int8_args.h"
#include "delegate/cpu/kernels/int8_simd.h"

namespace ubp {
namespace {

template <class Simd>
class QuadPool {
 public:
  static void Max(const QuadPoolArgs& args) { args.stride == 1 ? MaxOf<1>(args) : MaxOf<2>(args); }

  static void Average(const QuadPoolArgs& args) {
    args.stride == 1 ? AverageOf<1>(args) : AverageOf<2>(args);
  }

  static void SumPlanes(const QuadSumArgs& args) {
    const uint8_t* plane = args.input;
    const Quads ones = Simd::BroadcastQuad(0x01010101u);
    for (int q = 0; q < args.quads; ++q, plane += args.input_plane) {
      Sums sums = Simd::Broadcast(0);
      for (int i = 0; i < args.vectors; ++i) {
        const uint8_t* const pixels = plane + ptrdiff_t{i} * kVectorBytes;
        sums = Simd::DotSpan(Simd::Transpose(Simd::Load(pixels)), ones, sums);
      }
      int32_t lanes[Simd::kWidth];
      __builtin_memcpy(lanes, &sums, sizeof(lanes));
      for (int c = 0; c < 4; ++c) {
        int32_t sum = 0;
        for (int l = c; l < Simd::kWidth; l += 4) sum += lanes[l];
        args.sums[4 * q + c] = sum;
      }
    }
  }

 private:
  using Sums = typename Simd::Sums;
  using Quads = typename Simd::Quads;
  static constexpr int kQuadBytes = 4;
  static constexpr int kVectorBytes = kQuadBytes * Simd::kWidth;

  template <int kStride>
  static UBP_ALWAYS_INLINE void MaxOf(const QuadPoolArgs& args) {
    const Quads junk = Simd::BroadcastQuad(args.junk);
    const Quads min = Simd::BroadcastQuad(args.min);
    const Quads max = Simd::BroadcastQuad(args.max);
    ForEachVector<kStride>(args, [&](const uint8_t* input, uint8_t* output, int pixel) {
      Quads most = min;
      for (int t = 0; t < args.num_taps; ++t) {
        most = Simd::Most(most, LoadPixels<kStride>(input + args.offsets[t]));
      }
      const auto counts = Simd::LoadMask(args.mask + pixel);
      Simd::Store(output, Simd::Select(counts, Simd::LeastBytes(most, max), junk));
    });
  }

  // Each division rounds half away from zero.
  template <int kStride>
  static UBP_ALWAYS_INLINE void AverageOf(const QuadPoolArgs& args) {
    ForEachVector<kStride>(args, [&](const uint8_t* input, uint8_t* output, int pixel) {
      Sums sums[4] = {};
      for (int t = 0; t < args.num_taps; ++t) {
        AddParts(LoadPixels<kStride>(input + args.offsets[t]), sums, IndicesUpTo<4>());
      }
      int32_t sum[4][Simd::kWidth];
      for (int i = 0; i < 4; ++i) __builtin_memcpy(sum[i], &sums[i], sizeof(sum[i]));
      for (int p = 0; p < Simd::kWidth; ++p)
        StorePixel(args, sum[p % 4] + p / 4 * 4, pixel + p, output + 4 * p);
    });
  }

  // What a tap reads for kWidth pixels.
  template <int kStride>
  static UBP_ALWAYS_INLINE Quads LoadPixels(const uint8_t* input) {
    const Quads pixels = Simd::Load(input);
    return kStride == 1 ? pixels : Simd::Evens(pixels, Simd::Load(input + kVectorBytes));
  }

  // Calls function(input, output, pixel) for each vector: what offset 0 reads, where the results go,
  // and the number of the first pixel in the mask.
  template <int kStride, class Function>
  static UBP_ALWAYS_INLINE void ForEachVector(const QuadPoolArgs& args, const Function& function) {
    for (int q = 0; q < args.quads; ++q) {
      const uint8_t* input = args.input + q * args.input_plane;
      uint8_t* output = args.output + q * args.output_plane;
      for (int y = 0; y < args.rows; ++y) {
        const int first = static_cast<int>(y * (args.output_pitch / kQuadBytes));
        for (int i = 0; i < args.vectors; ++i) {
          const ptrdiff_t at = ptrdiff_t{i} * kVectorBytes;
          function(input + kStride * at, output + at, first + i * Simd::kWidth);
        }
        input += args.input_pitch;
        output += args.output_pitch;
      }
    }
  }

  template <int... I>
  static UBP_ALWAYS_INLINE void AddParts(Quads pixels, Sums (&sums)[4], Indices<I...>) {
    ((sums[I] = Simd::Add(sums[I], Simd::template Unpack<I>(pixels))), ...);
  }

  static UBP_ALWAYS_INLINE void StorePixel(const QuadPoolArgs& args, const int32_t* sums, int pixel,
                                           uint8_t* output) {
    uint32_t quad = args.junk;
    if (args.mask[pixel] != 0) {
      const int32_t count = args.counts[pixel];
      uint8_t bytes[4];
      for (int c = 0; c < 4; ++c) {
        const int32_t sum = sums[c] - args.sum_offset;
        const int32_t mean = (sum > 0 ? sum + count / 2 : sum - count / 2) / count + args.zero;
        const int32_t raised = mean > args.least ? mean : args.least;
        bytes[c] = static_cast<uint8_t>(raised < args.most ? raised : args.most);
      }
      __builtin_memcpy(&quad, bytes, sizeof(quad));
    }
    __builtin_memcpy(output, &quad, sizeof(quad));
  }
};

}  // namespace
}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_KERNELS_INT8_POOL_H_
