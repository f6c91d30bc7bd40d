// SPDX-License-Identifier: Apache-2.0
// Int8 kernels for AVX-512 with VNNI: dot products of unsigned by signed bytes.

#include <immintrin.h>

#if defined(__GNUC__) && !defined(__clang__)
// GCC 12's own intrinsics headers warn when inlined (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

#include "delegate/cpu/kernels/int8_depthwise.h"
#include "delegate/cpu/kernels/int8_elementwise.h"
#include "delegate/cpu/kernels/int8_instantiate.h"
#include "delegate/cpu/kernels/int8_instruction_set.h"
#include "delegate/cpu/kernels/int8_pool.h"
#include "delegate/cpu/kernels/int8_resize.h"

namespace ubp {
namespace {

struct Avx512Vnni {
  using Quads = __m512i;
  using Narrowed = __m512i;
  using Sums = __m512i;
  using Scale = __m512;
  using Mask = __mmask64;  // of bytes
  static constexpr int kWidth = 16;
  static constexpr uint8_t kFlip = 0x80;
  static constexpr bool kPipelined = false;
  static constexpr bool kPairs = true;
  static constexpr int kPrefetchBlocks = 192;
  static constexpr int kPrefetchRows = 0;
  static constexpr int kPrefetchQuads = 2;

  struct Limits {
    __m512 max;          // - zero point
    __m512i zero_point;  // int16
    __m512i min;         // bytes
  };

  static UBP_ALWAYS_INLINE Quads Load(const uint8_t* p) { return _mm512_loadu_si512(p); }
  static UBP_ALWAYS_INLINE void Store(uint8_t* p, Quads v) { _mm512_storeu_si512(p, v); }
  static UBP_ALWAYS_INLINE Quads BroadcastQuad(uint32_t quad) {
    return _mm512_set1_epi32(static_cast<int>(quad));
  }
  static UBP_ALWAYS_INLINE Mask LoadMask(const uint32_t* p) {
    const __m512i bits = _mm512_loadu_si512(p);
    return _mm512_test_epi8_mask(bits, bits);
  }
  static UBP_ALWAYS_INLINE Quads Select(Mask mask, Quads v, Quads junk) {
    return _mm512_mask_blend_epi8(mask, junk, v);
  }

  static UBP_ALWAYS_INLINE Sums Broadcast(int32_t x) { return _mm512_set1_epi32(x); }
  static UBP_ALWAYS_INLINE Sums Add(Sums a, Sums b) { return _mm512_add_epi32(a, b); }
  static UBP_ALWAYS_INLINE Sums Multiply(Sums a, Sums b) { return _mm512_mullo_epi32(a, b); }
  static UBP_ALWAYS_INLINE Sums ShiftRight(Sums a, int n) {
    return _mm512_sra_epi32(a, _mm_cvtsi32_si128(n));
  }
  static UBP_ALWAYS_INLINE Quads Most(Quads a, Quads b) { return _mm512_max_epu8(a, b); }
  static UBP_ALWAYS_INLINE Quads LeastBytes(Quads a, Quads b) { return _mm512_min_epu8(a, b); }
  static UBP_ALWAYS_INLINE Quads Evens(Quads a, Quads b) {
    const __m512i order =
        _mm512_set_epi32(30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);
    return _mm512_permutex2var_epi32(a, order, b);
  }

  template <int N>
  static UBP_ALWAYS_INLINE const int8_t* LoadWeights(const int8_t* p) {
    return p;
  }
  template <int J>
  static UBP_ALWAYS_INLINE Quads WeightAt(const int8_t* weights) {
    int32_t quad;
    __builtin_memcpy(&quad, weights + 4 * J, sizeof(quad));
    return _mm512_set1_epi32(quad);
  }
  template <int J>
  static UBP_ALWAYS_INLINE Sums Dot(Quads x, Quads weight, Sums sums) {
    return DotSpan(x, weight, sums);
  }

  typedef int32_t Sums4 __attribute__((vector_size(16)));
  static UBP_ALWAYS_INLINE Sums4 DotFour(const uint8_t* quad, const int8_t* weights, Sums4 sums) {
    int32_t x;
    __builtin_memcpy(&x, quad, sizeof(x));
    const __m128i w = _mm_loadu_si128(reinterpret_cast<const __m128i*>(weights));
    asm("vpdpbusd %2, %1, %0" : "+v"(sums) : "v"(_mm_set1_epi32(x)), "v"(w));
    return sums;
  }

  static UBP_ALWAYS_INLINE Scale BroadcastScale(float x) { return _mm512_set1_ps(x); }
  static UBP_ALWAYS_INLINE Limits MakeLimits(const Requantization& r) {
    return {_mm512_set1_ps(static_cast<float>(r.max - r.zero_point)),
            _mm512_set1_epi16(static_cast<short>(r.zero_point)),
            _mm512_set1_epi8(static_cast<char>(r.min))};
  }
  // Numbers below the int32 become the least one; those above would, too.
  template <Clamp kClamp>
  static UBP_ALWAYS_INLINE Sums Round(Sums sums, Scale scale, const Limits& limits) {
    const __m512 scaled = _mm512_mul_ps(_mm512_cvtepi32_ps(sums), scale);
    return _mm512_cvtps_epi32(kClamp == Clamp::kFull ? _mm512_min_ps(scaled, limits.max) : scaled);
  }
  template <Clamp kClamp>
  static UBP_ALWAYS_INLINE __m512i Narrow(Sums a, Sums b, const Limits& limits) {
    const __m512i both = _mm512_packs_epi32(a, b);
    return kClamp == Clamp::kPlain ? both : _mm512_adds_epi16(both, limits.zero_point);
  }
  template <Clamp kClamp>
  static UBP_ALWAYS_INLINE Quads NarrowBytes(__m512i a, __m512i b, const Limits& limits) {
    const __m512i both = _mm512_packus_epi16(a, b);
    return kClamp == Clamp::kFull ? _mm512_max_epu8(both, limits.min) : both;
  }
  // Of 4 x 4 bytes in each lane.
  static UBP_ALWAYS_INLINE __m512i Transposition() {
    return _mm512_broadcast_i32x4(
        _mm_set_epi8(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0));
  }
  static UBP_ALWAYS_INLINE Quads TransposeSelected(Mask mask, Quads v, Quads junk) {
    return _mm512_mask_shuffle_epi8(junk, mask, v, Transposition());
  }
  static UBP_ALWAYS_INLINE Quads Transpose(Quads v) {
    return _mm512_shuffle_epi8(v, Transposition());
  }
  static UBP_ALWAYS_INLINE Sums GatherSums(const int32_t* p, const int32_t* o) {
    const auto lane = [&](int l) {
      return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + o[4 * l]));
    };
    const __m256i low = _mm256_inserti128_si256(_mm256_castsi128_si256(lane(0)), lane(1), 1);
    const __m256i high = _mm256_inserti128_si256(_mm256_castsi128_si256(lane(2)), lane(3), 1);
    return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
  }
  static UBP_ALWAYS_INLINE Sums LoadSums(const int32_t* p) {
    return _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  static UBP_ALWAYS_INLINE Scale LoadScale(const float* p) {
    return _mm512_broadcast_f32x4(_mm_loadu_ps(p));
  }
  static UBP_ALWAYS_INLINE Quads LoadSpan(const int8_t* p) {
    return _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  // GCC 12 copies the sums in front of the intrinsic.
  static UBP_ALWAYS_INLINE Sums DotSpan(Quads x, Quads weights, Sums sums) {
    asm("vpdpbusd %2, %1, %0" : "+v"(sums) : "v"(x), "v"(weights));
    return sums;
  }
  template <int I>
  static UBP_ALWAYS_INLINE Sums Unpack(Quads v) {
    const __m512i zero = _mm512_setzero_si512();
    const __m512i half = I < 2 ? _mm512_unpacklo_epi8(v, zero) : _mm512_unpackhi_epi8(v, zero);
    return I % 2 == 0 ? _mm512_unpacklo_epi16(half, zero) : _mm512_unpackhi_epi16(half, zero);
  }
  template <int I>
  static UBP_ALWAYS_INLINE Quads UnpackPairs(Quads a, Quads b) {
    const Quads zero = _mm512_setzero_si512();
    const Quads half = I < 2 ? _mm512_unpacklo_epi8(a, b) : _mm512_unpackhi_epi8(a, b);
    return I % 2 == 0 ? _mm512_unpacklo_epi8(half, zero) : _mm512_unpackhi_epi8(half, zero);
  }
  static UBP_ALWAYS_INLINE Sums DotPairs(Quads x, Sums w, Sums sums) {
    asm("vpdpwssd %2, %1, %0" : "+v"(sums) : "v"(x), "v"(w));
    return sums;
  }
  static UBP_ALWAYS_INLINE Quads Pixels(Sums a, Sums b, Sums c, Sums d, const Limits& limits) {
    return NarrowBytes<Clamp::kFull>(Narrow<Clamp::kFull>(a, b, limits),
                                     Narrow<Clamp::kFull>(c, d, limits), limits);
  }
  static UBP_ALWAYS_INLINE Quads PixelsOfPairs(Sums a, Sums b, Sums c, Sums d,
                                               const Limits& limits) {
    const __m512i order = _mm512_set_epi64(7, 5, 3, 1, 6, 4, 2, 0);
    return _mm512_permutexvar_epi64(order, Pixels(a, b, c, d, limits));
  }
};

bool Supported() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
}

}  // namespace

const Int8Kernels kInt8Avx512Vnni = {
    "avx512vnni",
    Avx512Vnni::kWidth,
    Avx512Vnni::kFlip,
    &Supported,
    {QuadKernels<Avx512Vnni, 1, 4>(), QuadKernels<Avx512Vnni, 2, 6>(),
     QuadKernels<Avx512Vnni, 4, 6>(), QuadKernels<Avx512Vnni, 8, 3>()},
    &QuadWindow<Avx512Vnni>::Run,
    &QuadBinary<Avx512Vnni, AddQuads<Avx512Vnni>>::Run,
    &QuadBinary<Avx512Vnni, MultiplyQuads<Avx512Vnni>>::Run,
    &QuadPool<Avx512Vnni>::Max,
    &QuadPool<Avx512Vnni>::Average,
    &QuadPool<Avx512Vnni>::SumPlanes,
    &QuadResize<Avx512Vnni>::Row};

}  // namespace ubp
