// SPDX-License-Identifier: Apache-2.0
// Int8 kernels for AVX2 with AVX-VNNI, as processors without AVX-512 have it: dot products of unsigned by
// signed bytes, 16 vectors of 32 bytes.

#include <cpuid.h>
#include <immintrin.h>

#include "delegate/cpu/kernels/int8_depthwise.h"
#include "delegate/cpu/kernels/int8_elementwise.h"
#include "delegate/cpu/kernels/int8_instantiate.h"
#include "delegate/cpu/kernels/int8_instruction_set.h"
#include "delegate/cpu/kernels/int8_pool.h"
#include "delegate/cpu/kernels/int8_resize.h"

namespace ubp {
namespace {

struct AvxVnni {
  using Quads = __m256i;
  using Narrowed = __m256i;
  using Sums = __m256i;
  using Scale = __m256;
  using Mask = const uint32_t*;  // read where it is used
  static constexpr int kWidth = 8;
  static constexpr uint8_t kFlip = 0x80;
  static constexpr bool kPipelined = false;
  static constexpr bool kPairs = true;
  static constexpr int kPrefetchBlocks = 192;
  static constexpr int kPrefetchRows = 0;
  static constexpr int kPrefetchQuads = 2;

  struct Limits {
    __m256 max;          // - zero point
    __m256i zero_point;  // int16
    __m256i min;         // bytes
  };

  static UBP_ALWAYS_INLINE Quads Load(const void* p) {
    return _mm256_loadu_si256(static_cast<const __m256i*>(p));
  }
  static UBP_ALWAYS_INLINE Quads LoadLanes(const void* p) {
    return _mm256_broadcastsi128_si256(_mm_loadu_si128(static_cast<const __m128i*>(p)));
  }
  static UBP_ALWAYS_INLINE void Store(uint8_t* p, Quads v) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v);
  }
  static UBP_ALWAYS_INLINE Quads BroadcastQuad(uint32_t quad) {
    return _mm256_set1_epi32(static_cast<int>(quad));
  }
  static UBP_ALWAYS_INLINE Mask LoadMask(const uint32_t* p) { return p; }
  static UBP_ALWAYS_INLINE Quads Select(Mask mask, Quads v, Quads junk) {
    return _mm256_blendv_epi8(junk, v, Load(mask));
  }

  static UBP_ALWAYS_INLINE Sums Broadcast(int32_t x) { return _mm256_set1_epi32(x); }
  static UBP_ALWAYS_INLINE Sums Add(Sums a, Sums b) { return _mm256_add_epi32(a, b); }
  static UBP_ALWAYS_INLINE Sums Multiply(Sums a, Sums b) { return _mm256_mullo_epi32(a, b); }
  static UBP_ALWAYS_INLINE Sums ShiftRight(Sums a, int n) {
    return _mm256_sra_epi32(a, _mm_cvtsi32_si128(n));
  }
  static UBP_ALWAYS_INLINE Quads Most(Quads a, Quads b) { return _mm256_max_epu8(a, b); }
  static UBP_ALWAYS_INLINE Quads LeastBytes(Quads a, Quads b) { return _mm256_min_epu8(a, b); }
  static UBP_ALWAYS_INLINE Quads Evens(Quads a, Quads b) {
    const __m256 evens =
        _mm256_shuffle_ps(_mm256_castsi256_ps(a), _mm256_castsi256_ps(b), _MM_SHUFFLE(2, 0, 2, 0));
    return _mm256_permute4x64_epi64(_mm256_castps_si256(evens), _MM_SHUFFLE(3, 1, 2, 0));
  }

  template <int N>
  static UBP_ALWAYS_INLINE const int8_t* LoadWeights(const int8_t* p) {
    return p;
  }
  template <int J>
  static UBP_ALWAYS_INLINE Quads WeightAt(const int8_t* weights) {
    int32_t quad;
    __builtin_memcpy(&quad, weights + 4 * J, sizeof(quad));
    return _mm256_set1_epi32(quad);
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
    asm("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sums) : "x"(_mm_set1_epi32(x)), "x"(w));
    return sums;
  }

  static UBP_ALWAYS_INLINE Scale BroadcastScale(float x) { return _mm256_set1_ps(x); }
  static UBP_ALWAYS_INLINE Limits MakeLimits(const Requantization& r) {
    return {_mm256_set1_ps(static_cast<float>(r.max - r.zero_point)),
            _mm256_set1_epi16(static_cast<short>(r.zero_point)),
            _mm256_set1_epi8(static_cast<char>(r.min))};
  }
  // Numbers below the int32 become the least one; those above would, too.
  template <Clamp kClamp>
  static UBP_ALWAYS_INLINE Sums Round(Sums sums, Scale scale, const Limits& limits) {
    const __m256 scaled = _mm256_mul_ps(_mm256_cvtepi32_ps(sums), scale);
    return _mm256_cvtps_epi32(kClamp == Clamp::kFull ? _mm256_min_ps(scaled, limits.max) : scaled);
  }
  template <Clamp kClamp>
  static UBP_ALWAYS_INLINE Narrowed Narrow(Sums a, Sums b, const Limits& limits) {
    const __m256i both = _mm256_packs_epi32(a, b);
    return kClamp == Clamp::kPlain ? both : _mm256_adds_epi16(both, limits.zero_point);
  }
  template <Clamp kClamp>
  static UBP_ALWAYS_INLINE Quads NarrowBytes(Narrowed a, Narrowed b, const Limits& limits) {
    const __m256i both = _mm256_packus_epi16(a, b);
    return kClamp == Clamp::kFull ? _mm256_max_epu8(both, limits.min) : both;
  }
  // Of 4 x 4 bytes in each lane.
  static UBP_ALWAYS_INLINE Quads Transpose(Quads v) {
    const __m128i order = _mm_set_epi8(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0);
    return _mm256_shuffle_epi8(v, _mm256_broadcastsi128_si256(order));
  }
  static UBP_ALWAYS_INLINE Quads TransposeSelected(Mask mask, Quads v, Quads junk) {
    return Select(mask, Transpose(v), junk);
  }

  static UBP_ALWAYS_INLINE Sums GatherSums(const int32_t* p, const int32_t* o) {
    const auto lane = [&](int l) {
      return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + o[4 * l]));
    };
    return _mm256_inserti128_si256(_mm256_castsi128_si256(lane(0)), lane(1), 1);
  }
  static UBP_ALWAYS_INLINE Sums LoadSums(const int32_t* p) { return LoadLanes(p); }
  static UBP_ALWAYS_INLINE Scale LoadScale(const float* p) {
    return _mm256_castsi256_ps(LoadLanes(p));
  }
  static UBP_ALWAYS_INLINE Quads LoadSpan(const int8_t* p) { return LoadLanes(p); }
  // GCC 12 copies the sums in front of the intrinsic.
  static UBP_ALWAYS_INLINE Sums DotSpan(Quads x, Quads weights, Sums sums) {
    asm("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sums) : "x"(x), "x"(weights));
    return sums;
  }
  template <int I>
  static UBP_ALWAYS_INLINE Sums Unpack(Quads v) {
    const __m256i zero = _mm256_setzero_si256();
    const __m256i half = I < 2 ? _mm256_unpacklo_epi8(v, zero) : _mm256_unpackhi_epi8(v, zero);
    return I % 2 == 0 ? _mm256_unpacklo_epi16(half, zero) : _mm256_unpackhi_epi16(half, zero);
  }
  template <int I>
  static UBP_ALWAYS_INLINE Quads UnpackPairs(Quads a, Quads b) {
    const Quads zero = _mm256_setzero_si256();
    const Quads half = I < 2 ? _mm256_unpacklo_epi8(a, b) : _mm256_unpackhi_epi8(a, b);
    return I % 2 == 0 ? _mm256_unpacklo_epi8(half, zero) : _mm256_unpackhi_epi8(half, zero);
  }
  static UBP_ALWAYS_INLINE Sums DotPairs(Quads x, Sums w, Sums sums) {
    asm("%{vex%} vpdpwssd %2, %1, %0" : "+x"(sums) : "x"(x), "x"(w));
    return sums;
  }
  static UBP_ALWAYS_INLINE Quads Pixels(Sums a, Sums b, Sums c, Sums d, const Limits& limits) {
    return NarrowBytes<Clamp::kFull>(Narrow<Clamp::kFull>(a, b, limits),
                                     Narrow<Clamp::kFull>(c, d, limits), limits);
  }
  static UBP_ALWAYS_INLINE Quads PixelsOfPairs(Sums a, Sums b, Sums c, Sums d,
                                               const Limits& limits) {
    constexpr int kOrder =
        0b11011000;  // the second of the lanes' halves and the third change places
    return _mm256_permute4x64_epi64(Pixels(a, b, c, d, limits), kOrder);
  }
};

// Clang 14 has no name for AVX-VNNI in __builtin_cpu_supports.
bool Supported() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  constexpr unsigned kAvxVnni = 1u << 4;  // of eax of this leaf's first subleaf
  return __builtin_cpu_supports("avx2") && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) != 0 &&
         (eax & kAvxVnni) != 0;
}

}  // namespace

const Int8Kernels kInt8AvxVnni = {"avxvnni",
                                  AvxVnni::kWidth,
                                  AvxVnni::kFlip,
                                  &Supported,
                                  {QuadKernels<AvxVnni, 1, 4>(), QuadKernels<AvxVnni, 2, 5>(),
                                   QuadKernels<AvxVnni, 4, 3>(), QuadKernels<AvxVnni, 8, 1>()},
                                  &QuadWindow<AvxVnni>::Run,
                                  &QuadBinary<AvxVnni, AddQuads<AvxVnni>>::Run,
                                  &QuadBinary<AvxVnni, MultiplyQuads<AvxVnni>>::Run,
                                  &QuadPool<AvxVnni>::Max,
                                  &QuadPool<AvxVnni>::Average,
                                  &QuadPool<AvxVnni>::SumPlanes,
                                  &QuadResize<AvxVnni>::Row};

}  // namespace ubp
