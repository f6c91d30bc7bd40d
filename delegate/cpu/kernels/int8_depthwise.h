// SPDX-License-Identifier: Apache-2.0
// The depthwise kernels for int8; `Simd` as in int8_simd.h.
//
// A dot product adds 4 taps of one channel, where memory has 4 channels of one pixel. In a lane of 16
// bytes are 4 pixels of 4 channels, so that one permutation within the lane brings the pixels of each
// channel together:
//
//   sums of pixel p, channels 0 .. 3  +=  transposed(input[p .. p + 3]) . weights of a span
//
// A vector has several lanes, 4 pixels apart; 4 of them at distances of a pixel make the sums of
// whole vectors. With stride 2 the lanes of a vector belong to every other output pixel.
#ifndef UBP_DELEGATE_CPU_KERNELS_INT8_DEPTHWISE_H_
#define UBP_DELEGATE_CPU_KERNELS_INT8_DEPTHWISE_H_

#include <cstddef>
#include <cstdint>

#include "delegate/cpu/kernels/int8_args.h"
#include "delegate/cpu/kernels/int8_simd.h"

namespace ubp {
namespace {

template <class Simd>
class QuadWindow {
 public:
  static void Run(const QuadDepthwiseArgs& args) {
    // Weights of few spans stay in registers.
    if (args.stride == 1) {
      args.num_spans == 3 ? RunQuads<1, 3>(args) : RunQuads<1, 0>(args);
    } else {
      args.num_spans == 3 ? RunQuads<2, 3>(args) : RunQuads<2, 0>(args);
    }
  }

 private:
  using Sums = typename Simd::Sums;
  using Quads = typename Simd::Quads;
  static constexpr int kQuadBytes = 4;
  static constexpr int kSpanWeights = 16;

  // Of one quad of channels.
  struct Plane {
    const uint8_t* input;
    uint8_t* output;
    const int8_t* weights;
    Sums bias;
    typename Simd::Scale scale;
    typename Simd::Limits limits;
    Quads junk;
  };

  // kSpans is args.num_spans, or 0 for any number.
  template <int kStride, int kSpans>
  static UBP_ALWAYS_INLINE void RunQuads(const QuadDepthwiseArgs& args) {
    Plane plane;
    plane.input = args.input;
    plane.output = args.output;
    plane.weights = args.weights;
    plane.limits = Simd::MakeLimits(args.requantization);
    plane.junk = Simd::BroadcastQuad(args.junk);
    for (int q = 0; q < args.quads; ++q) {
      plane.bias = Simd::LoadSums(args.bias + 4 * q);
      plane.scale = Simd::LoadScale(args.scale + 4 * q);
      RunRows<kStride, kSpans>(args, plane);
      plane.input += args.input_plane;
      plane.output += args.output_plane;
      plane.weights += ptrdiff_t{kSpanWeights} * args.num_spans;
    }
  }

  template <int kStride, int kSpans>
  static UBP_ALWAYS_INLINE void RunRows(const QuadDepthwiseArgs& args, const Plane& plane) {
    const uint8_t* input = plane.input;
    uint8_t* output = plane.output;
    const uint32_t* mask = args.mask;
    for (int y = 0; y < args.rows; ++y) {
      for (int i = 0; i < args.vectors; ++i) {
        const ptrdiff_t bytes = ptrdiff_t{i} * kQuadBytes * Simd::kWidth;
        const Quads pixels = Vector<kStride, kSpans>(args, plane, input + bytes * kStride);
        const auto counts = Simd::LoadMask(mask + i * Simd::kWidth);
        Simd::Store(output + bytes, Simd::Select(counts, pixels, plane.junk));
      }
      input += args.input_pitch;
      output += args.output_pitch;
      mask += args.output_pitch / kQuadBytes;
    }
  }

  // kWidth output pixels.
  template <int kStride, int kSpans>
  static UBP_ALWAYS_INLINE Quads Vector(const QuadDepthwiseArgs& args, const Plane& plane,
                                        const uint8_t* input) {
    Sums sums[4] = {plane.bias, plane.bias, plane.bias, plane.bias};
    if constexpr (kSpans > 0) {
      AddSpans<kStride>(args, plane, input, sums, IndicesUpTo<kSpans>());
    } else {
      for (int s = 0; s < args.num_spans; ++s) AddSpan<kStride>(args, plane, input, s, sums);
    }
    const auto round = [&](Sums v) {
      return Simd::template Round<Clamp::kFull>(v, plane.scale, plane.limits);
    };
    if constexpr (kStride == 1) {
      return Simd::Pixels(round(sums[0]), round(sums[1]), round(sums[2]), round(sums[3]),
                          plane.limits);
    } else {
      return Simd::PixelsOfPairs(round(sums[0]), round(sums[1]), round(sums[2]), round(sums[3]),
                                 plane.limits);
    }
  }

  template <int kStride, int... S>
  static UBP_ALWAYS_INLINE void AddSpans(const QuadDepthwiseArgs& args, const Plane& plane,
                                         const uint8_t* input, Sums (&sums)[4], Indices<S...>) {
    (AddSpan<kStride>(args, plane, input, S, sums), ...);
  }

  template <int kStride>
  static UBP_ALWAYS_INLINE void AddSpan(const QuadDepthwiseArgs& args, const Plane& plane,
                                        const uint8_t* input, int span, Sums (&sums)[4]) {
    const Quads weights = Simd::LoadSpan(plane.weights + ptrdiff_t{kSpanWeights} * span);
    AddSpanOf<kStride>(input + args.offsets[span], weights, sums, IndicesUpTo<4>());
  }

  // With stride 1, lane l of sums[i] is pixel 4 l + i. With stride 2, of sums[0] and [1], pixels 2 l
  // and 2 l + 1; sums[2] and [3] follow on these.
  template <int kStride, int... I>
  static UBP_ALWAYS_INLINE void AddSpanOf(const uint8_t* input, Quads weights, Sums (&sums)[4],
                                          Indices<I...>) {
    constexpr int kVectorBytes = kQuadBytes * Simd::kWidth;
    constexpr int kOffsets[] = {
        (kStride == 1 ? I * kQuadBytes : I % 2 * 2 * kQuadBytes + I / 2 * kVectorBytes)...};
    ((sums[I] = Simd::DotSpan(Simd::Transpose(Simd::Load(input + kOffsets[I])), weights, sums[I])),
     ...);
  }
};

}  // namespace
}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_KERNELS_INT8_DEPTHWISE_H_
