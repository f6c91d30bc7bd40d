// SPDX-License-Identifier: Apache-2.0
// What kernels for Arm are written in terms of (see simd.h): vectors of 4 floats, weights used by
// lane without a broadcast. 64-bit Arm has 32 such vectors, 32-bit Arm 16.
#ifndef UBP_DELEGATE_CPU_KERNELS_NEON_H_
#define UBP_DELEGATE_CPU_KERNELS_NEON_H_

#include <arm_neon.h>

#include "delegate/cpu/kernels/simd.h"

namespace ubp {
namespace {

#if defined(__aarch64__)
// The N values of a block in as few vectors as hold them.
template <int N>
struct NeonWeights {
  static UBP_ALWAYS_INLINE NeonWeights Load(const float* p) {
    NeonWeights weights;
    if constexpr (N == 1) {
      weights.quad[0] = vld1q_dup_f32(p);
    } else if constexpr (N == 2) {
      weights.quad[0] = vcombine_f32(vld1_f32(p), vdup_n_f32(0));
    } else {
      for (int q = 0; q < N / 4; ++q) weights.quad[q] = vld1q_f32(p + 4 * q);
    }
    return weights;
  }
  template <int J>
  UBP_ALWAYS_INLINE float32x4_t MultiplyAdd(float32x4_t x, float32x4_t acc) const {
    return vfmaq_laneq_f32(acc, x, quad[J / 4], J % 4);
  }

  float32x4_t quad[(N + 3) / 4];
};
#else
// The N values of a block in half vectors. There is no fused multiply-add by lane: the product is
// rounded before it is added.
template <int N>
struct NeonWeights {
  static UBP_ALWAYS_INLINE NeonWeights Load(const float* p) {
    NeonWeights weights;
    if constexpr (N == 1) {
      weights.pair[0] = vld1_dup_f32(p);
    } else {
      for (int i = 0; i < N / 2; ++i) weights.pair[i] = vld1_f32(p + 2 * i);
    }
    return weights;
  }
  template <int J>
  UBP_ALWAYS_INLINE float32x4_t MultiplyAdd(float32x4_t x, float32x4_t acc) const {
    return vmlaq_lane_f32(acc, x, pair[J / 2], J % 2);
  }

  float32x2_t pair[(N + 1) / 2];
};
#endif

struct Neon {
  using Vec = float32x4_t;
  using Mask = const uint32_t*;  // read where it is used
  template <int N>
  using Weights = NeonWeights<N>;
  static constexpr int kWidth = 4;
  static constexpr bool kPipelined = false;
  static constexpr int kPrefetchBlocks = 0;
  static constexpr int kPrefetchLanes = 0;
  static constexpr int kPrefetchChannels = 0;
#if defined(__aarch64__)
  static constexpr int kWindowVectors = 4;
#else
  static constexpr int kWindowVectors = 2;
#endif

  static UBP_ALWAYS_INLINE Vec Load(const float* p) { return vld1q_f32(p); }
  static UBP_ALWAYS_INLINE Vec LoadOnce(const float* p) { return Load(p); }
  static UBP_ALWAYS_INLINE Vec LoadEven(const float* p) {
    Vec even, odd;
    LoadPairs(p, &even, &odd);
    return even;
  }
  static UBP_ALWAYS_INLINE void LoadPairs(const float* p, Vec* even, Vec* odd) {
    const float32x4x2_t pairs = vld2q_f32(p);
    *even = pairs.val[0];
    *odd = pairs.val[1];
  }
  template <int n>
  static UBP_ALWAYS_INLINE Vec Shift(Vec a, Vec b) {
    return vextq_f32(a, b, n);
  }
  static UBP_ALWAYS_INLINE Vec Pick(Vec v, const int32_t* indices) {
    // Bytes 4 i .. 4 i + 3 for each index i.
    const uint32x4_t bytes =
        vmlaq_n_u32(vdupq_n_u32(0x03020100), vreinterpretq_u32_s32(vld1q_s32(indices)), 0x04040404);
    return vreinterpretq_f32_u8(PickBytes(vreinterpretq_u8_f32(v), vreinterpretq_u8_u32(bytes)));
  }
  static UBP_ALWAYS_INLINE uint8x16_t PickBytes(uint8x16_t v, uint8x16_t indices) {
#if defined(__aarch64__)
    return vqtbl1q_u8(v, indices);
#else
    const uint8x8x2_t halves = {{vget_low_u8(v), vget_high_u8(v)}};
    return vcombine_u8(vtbl2_u8(halves, vget_low_u8(indices)),
                       vtbl2_u8(halves, vget_high_u8(indices)));
#endif
  }
  static UBP_ALWAYS_INLINE void Store(float* p, Vec v) { vst1q_f32(p, v); }
  static UBP_ALWAYS_INLINE Vec Broadcast(float x) { return vdupq_n_f32(x); }
  static UBP_ALWAYS_INLINE Vec Masked(Vec v, Mask mask) {
    return vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(v), vld1q_u32(mask)));
  }
  static UBP_ALWAYS_INLINE Vec Clamp(Vec v, Vec min, Vec max, Mask mask) {
    return Masked(vminq_f32(vmaxq_f32(v, min), max), mask);
  }
  static UBP_ALWAYS_INLINE Mask LoadMask(const uint32_t* p) { return p; }

  static UBP_ALWAYS_INLINE Vec Add(Vec a, Vec b) { return vaddq_f32(a, b); }
  static UBP_ALWAYS_INLINE Vec Max(Vec a, Vec b) { return vmaxq_f32(a, b); }
  static UBP_ALWAYS_INLINE Vec Min(Vec a, Vec b) { return vminq_f32(a, b); }
  static UBP_ALWAYS_INLINE Vec MultiplyAdd(Vec a, Vec b, Vec acc) { return vfmaq_f32(acc, a, b); }

  template <int N>
  static UBP_ALWAYS_INLINE NeonWeights<N> LoadWeights(const float* p) {
    return NeonWeights<N>::Load(p);
  }
  template <int J, int N>
  static UBP_ALWAYS_INLINE Vec MultiplyAddLane(Vec x, const NeonWeights<N>& weights, Vec acc) {
    return weights.template MultiplyAdd<J>(x, acc);
  }
};

}  // namespace
}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_KERNELS_NEON_H_
