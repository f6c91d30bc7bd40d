// Kernels for 64-bit Arm: 32 vectors of 4 floats, weights used by lane without a broadcast.

#include <arm_neon.h>

#include "delegate/cpu/dot.h"
#include "delegate/cpu/elementwise_kernels.h"
#include "delegate/cpu/families.h"
#include "delegate/cpu/window.h"
#include "delegate/cpu/wros_instantiate.h"

namespace ubp {
namespace {

// The N values of a block in as few vectors as hold them.
template <int N>
struct NeonWeights {
  float32x4_t quad[(N + 3) / 4];
};

struct Neon {
  using Vec = float32x4_t;
  using Mask = const uint32_t*;  // read where it is used
  static constexpr int kWidth = 4;
  static constexpr int kPrefetchBlocks = 0;
  static constexpr int kPrefetchLanes = 0;
  static constexpr int kPrefetchChannels = 0;

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
  static UBP_ALWAYS_INLINE void Store(float* p, Vec v) { vst1q_f32(p, v); }
  static UBP_ALWAYS_INLINE Vec Broadcast(float x) { return vdupq_n_f32(x); }
  static UBP_ALWAYS_INLINE Vec Clamp(Vec v, Vec min, Vec max, Mask mask) {
    const float32x4_t clamped = vminq_f32(vmaxq_f32(v, min), max);
    return vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(clamped), vld1q_u32(mask)));
  }
  static UBP_ALWAYS_INLINE Mask LoadMask(const uint32_t* p) { return p; }

  static UBP_ALWAYS_INLINE Vec Add(Vec a, Vec b) { return vaddq_f32(a, b); }
  static UBP_ALWAYS_INLINE Vec Max(Vec a, Vec b) { return vmaxq_f32(a, b); }
  static UBP_ALWAYS_INLINE Vec MultiplyAdd(Vec a, Vec b, Vec acc) { return vfmaq_f32(acc, a, b); }

  template <int N>
  static UBP_ALWAYS_INLINE NeonWeights<N> LoadWeights(const float* p) {
    NeonWeights<N> weights;
    if constexpr (N == 1) {
      weights.quad[0] = vld1q_dup_f32(p);
    } else if constexpr (N == 2) {
      weights.quad[0] = vcombine_f32(vld1_f32(p), vdup_n_f32(0));
    } else {
      for (int q = 0; q < N / 4; ++q) weights.quad[q] = vld1q_f32(p + 4 * q);
    }
    return weights;
  }
  template <int J, int N>
  static UBP_ALWAYS_INLINE Vec MultiplyAddLane(Vec x, const NeonWeights<N>& weights, Vec acc) {
    return vfmaq_laneq_f32(acc, x, weights.quad[J / 4], J % 4);
  }
};

bool Supported() { return true; }

constexpr BlockKernels kKernels[] = {
    Kernels<Neon, 1, 6>(),
    Kernels<Neon, 2, 6>(),
    Kernels<Neon, 4, 4>(),
    Kernels<Neon, 8, 2>(),
};

}  // namespace

const KernelFamily kNeonFamily = {"neon",
                                  Neon::kWidth,
                                  &Supported,
                                  kKernels,
                                  4,
                                  4,
                                  &Window<Neon>::Sum,
                                  &Window<Neon>::Max,
                                  &Window<Neon>::Average,
                                  &Dot<Neon>::Run,
                                  ElementwiseKernels<Neon>::kAll};

}  // namespace ubp
