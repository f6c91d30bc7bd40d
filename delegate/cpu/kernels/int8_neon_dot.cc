// SPDX-License-Identifier: Apache-2.0
// Int8 kernels for 64-bit Arm processors with dot products of signed bytes (FEAT_DotProd), whether they
// execute in order or not: the loops over blocks are pipelined.

#include <arm_neon.h>
#include <sys/auxv.h>

#include "delegate/cpu/kernels/int8_depthwise.h"
#include "delegate/cpu/kernels/int8_elementwise.h"
#include "delegate/cpu/kernels/int8_instantiate.h"
#include "delegate/cpu/kernels/int8_instruction_set.h"
#include "delegate/cpu/kernels/int8_pool.h"
#include "delegate/cpu/kernels/int8_resize.h"

namespace ubp {
namespace {

struct NeonDot {
  using Quads = int8x16_t;
  using Narrowed = int16x8_t;
  using Sums = int32x4_t;
  using Scale = float32x4_t;
  using Mask = const uint32_t*;  // read where it is used
  static constexpr int kWidth = 4;
  static constexpr uint8_t kFlip = 0;
  static constexpr bool kPipelined = true;
  static constexpr bool kPairs = false;
  static constexpr int kPrefetchBlocks = 0;
  static constexpr int kPrefetchRows = 0;
  static constexpr int kPrefetchQuads = 0;

  struct Limits {
    float32x4_t max;  // - zero point
    int16x8_t zero_point;
    int8x16_t min;
  };

  static UBP_ALWAYS_INLINE Quads Load(const uint8_t* p) { return vreinterpretq_s8_u8(vld1q_u8(p)); }
  static UBP_ALWAYS_INLINE void Store(uint8_t* p, Quads v) { vst1q_u8(p, vreinterpretq_u8_s8(v)); }
  static UBP_ALWAYS_INLINE Quads BroadcastQuad(uint32_t quad) {
    return vreinterpretq_s8_u32(vdupq_n_u32(quad));
  }
  static UBP_ALWAYS_INLINE Mask LoadMask(const uint32_t* p) { return p; }
  static UBP_ALWAYS_INLINE Quads Select(Mask mask, Quads v, Quads junk) {
    return vbslq_s8(vreinterpretq_u8_u32(vld1q_u32(mask)), v, junk);
  }

  static UBP_ALWAYS_INLINE Sums Broadcast(int32_t x) { return vdupq_n_s32(x); }
  static UBP_ALWAYS_INLINE Sums Add(Sums a, Sums b) { return vaddq_s32(a, b); }
  static UBP_ALWAYS_INLINE Sums Multiply(Sums a, Sums b) { return vmulq_s32(a, b); }
  static UBP_ALWAYS_INLINE Sums ShiftRight(Sums a, int n) { return vshlq_s32(a, vdupq_n_s32(-n)); }
  static UBP_ALWAYS_INLINE Quads Most(Quads a, Quads b) { return vmaxq_s8(a, b); }
  static UBP_ALWAYS_INLINE Quads LeastBytes(Quads a, Quads b) { return vminq_s8(a, b); }
  static UBP_ALWAYS_INLINE Quads Evens(Quads a, Quads b) {
    return vreinterpretq_s8_s32(vuzp1q_s32(vreinterpretq_s32_s8(a), vreinterpretq_s32_s8(b)));
  }

  // See int8_pipelined_rows.h.
  template <int J>
  static UBP_ALWAYS_INLINE Sums DotInOrder(Quads x, Quads weights, Sums sums) {
    asm volatile("sdot %0.4s, %1.16b, %2.4b[%3]" : "+w"(sums) : "w"(x), "w"(weights), "i"(J));
    return sums;
  }
  template <int kBytes, class Byte>
  static UBP_ALWAYS_INLINE Quads LoadInOrder(const Byte* p) {
    const auto& bytes = *reinterpret_cast<const Byte(*)[kBytes]>(p);
    Quads v;
    if constexpr (kBytes == 4) asm volatile("ldr %s0, %1" : "=w"(v) : "m"(bytes));
    if constexpr (kBytes == 8) asm volatile("ldr %d0, %1" : "=w"(v) : "m"(bytes));
    if constexpr (kBytes == 16) asm volatile("ldr %q0, %1" : "=w"(v) : "m"(bytes));
    return v;
  }
  static UBP_ALWAYS_INLINE ptrdiff_t LoadOffset(const int32_t* p) {
    ptrdiff_t offset;
    asm volatile("ldrsw %0, %1" : "=r"(offset) : "m"(*p));
    return offset;
  }
  static UBP_ALWAYS_INLINE Sums DotFour(const uint8_t* quad, const int8_t* weights, Sums sums) {
    uint32_t x;
    __builtin_memcpy(&x, quad, sizeof(x));
    return vdotq_s32(sums, vld1q_s8(weights), BroadcastQuad(x));
  }

  static UBP_ALWAYS_INLINE Scale BroadcastScale(float x) { return vdupq_n_f32(x); }
  static UBP_ALWAYS_INLINE Limits MakeLimits(const Requantization& r) {
    return {vdupq_n_f32(static_cast<float>(r.max - r.zero_point)),
            vdupq_n_s16(static_cast<int16_t>(r.zero_point)),
            vdupq_n_s8(static_cast<int8_t>(r.min))};
  }
  template <Clamp kClamp>
  static UBP_ALWAYS_INLINE Sums Round(Sums sums, Scale scale, const Limits& limits) {
    const float32x4_t scaled = vmulq_f32(vcvtq_f32_s32(sums), scale);
    return vcvtnq_s32_f32(kClamp == Clamp::kFull ? vminq_f32(scaled, limits.max) : scaled);
  }
  static UBP_ALWAYS_INLINE Sums ScaleInFixedPoint(Sums products, const ProductScale& scale) {
    const Sums raised = vshlq_s32(products, vdupq_n_s32(scale.left));
    return vrshlq_s32(vqdmulhq_n_s32(raised, scale.factor), vdupq_n_s32(-scale.right));
  }
  template <Clamp kClamp>
  static UBP_ALWAYS_INLINE Narrowed Narrow(Sums a, Sums b, const Limits& limits) {
    const int16x8_t both = vqmovn_high_s32(vqmovn_s32(a), b);
    return kClamp == Clamp::kPlain ? both : vqaddq_s16(both, limits.zero_point);
  }
  template <Clamp kClamp>
  static UBP_ALWAYS_INLINE Quads NarrowBytes(Narrowed a, Narrowed b, const Limits& limits) {
    const int8x16_t both = vqmovn_high_s16(vqmovn_s16(a), b);
    return kClamp == Clamp::kFull ? vmaxq_s8(both, limits.min) : both;
  }
  // Of 4 x 4 bytes.
  static UBP_ALWAYS_INLINE Quads Transpose(Quads v) {
    const uint8x16_t order = vreinterpretq_u8_u64(
        vcombine_u64(vcreate_u64(0x0d0905010c080400), vcreate_u64(0x0f0b07030e0a0602)));
    return vqtbl1q_s8(v, order);
  }
  static UBP_ALWAYS_INLINE Quads TransposeSelected(Mask mask, Quads v, Quads junk) {
    return Select(mask, Transpose(v), junk);
  }

  static UBP_ALWAYS_INLINE Sums GatherSums(const int32_t* p, const int32_t* o) {
    return vld1q_s32(p + *o);
  }
  static UBP_ALWAYS_INLINE Sums LoadSums(const int32_t* p) { return vld1q_s32(p); }
  static UBP_ALWAYS_INLINE Scale LoadScale(const float* p) { return vld1q_f32(p); }
  static UBP_ALWAYS_INLINE Quads LoadSpan(const int8_t* p) { return vld1q_s8(p); }
  static UBP_ALWAYS_INLINE Sums DotSpan(Quads x, Quads weights, Sums sums) {
    return vdotq_s32(sums, x, weights);
  }
  template <int I>
  static UBP_ALWAYS_INLINE Sums Unpack(Quads v) {
    const int16x8_t half = I < 2 ? vmovl_s8(vget_low_s8(v)) : vmovl_high_s8(v);
    return I % 2 == 0 ? vmovl_s16(vget_low_s16(half)) : vmovl_high_s16(half);
  }
  static UBP_ALWAYS_INLINE Quads Pixels(Sums a, Sums b, Sums c, Sums d, const Limits& limits) {
    return NarrowBytes<Clamp::kFull>(Narrow<Clamp::kFull>(a, b, limits),
                                     Narrow<Clamp::kFull>(c, d, limits), limits);
  }
  static UBP_ALWAYS_INLINE Quads PixelsOfPairs(Sums a, Sums b, Sums c, Sums d,
                                               const Limits& limits) {
    return Pixels(a, b, c, d, limits);
  }
};

bool Supported() { return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0; }

}  // namespace

const Int8Kernels kInt8NeonDot = {"neon_dot",
                                  NeonDot::kWidth,
                                  NeonDot::kFlip,
                                  &Supported,
                                  {QuadKernels<NeonDot, 1, 4>(), QuadKernels<NeonDot, 2, 6>(),
                                   QuadKernels<NeonDot, 4, 6>(), QuadKernels<NeonDot, 8, 3>()},
                                  &QuadWindow<NeonDot>::Run,
                                  &QuadBinary<NeonDot, AddQuads<NeonDot>>::Run,
                                  &QuadBinary<NeonDot, MultiplyQuads<NeonDot>>::Run,
                                  &QuadPool<NeonDot>::Max,
                                  &QuadPool<NeonDot>::Average,
                                  &QuadPool<NeonDot>::SumPlanes,
                                  &QuadResize<NeonDot>::Row};

}  // namespace ubp
