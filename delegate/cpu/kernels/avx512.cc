// SPDX-License-Identifier: Apache-2.0
// Kernels for AVX-512 (F): 32 vectors of 16 floats.

#include <immintrin.h>

#if defined(__GNUC__) && !defined(__clang__)
// GCC 12's own intrinsics headers warn when inlined (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

#include "delegate/cpu/kernels/dot.h"
#include "delegate/cpu/kernels/elementwise_kernels.h"
#include "delegate/cpu/kernels/instruction_set.h"
#include "delegate/cpu/kernels/normalize.h"
#include "delegate/cpu/kernels/pool.h"
#include "delegate/cpu/kernels/rearrange.h"
#include "delegate/cpu/kernels/resize.h"
#include "delegate/cpu/kernels/window.h"
#include "delegate/cpu/kernels/wros_instantiate.h"

namespace ubp {
namespace {

struct Avx512 {
  using Vec = __m512;
  using Mask = __mmask16;
  static constexpr int kWidth = 16;
  static constexpr bool kPipelined = false;
  static constexpr int kPrefetchBlocks = 192;
  static constexpr int kPrefetchLanes = 8;
  static constexpr int kPrefetchChannels = 4;
  static constexpr int kWindowVectors = 6;

  static UBP_ALWAYS_INLINE Vec Load(const float* p) { return _mm512_loadu_ps(p); }
  // GCC makes a load an operand of each instruction that uses it, and so repeats it.
  static UBP_ALWAYS_INLINE Vec LoadOnce(const float* p) {
    Vec v = Load(p);
    asm("" : "+v"(v));
    return v;
  }
  static UBP_ALWAYS_INLINE Vec LoadEven(const float* p) {
    Vec even, odd;
    LoadPairs(p, &even, &odd);
    return even;
  }
  static UBP_ALWAYS_INLINE void LoadPairs(const float* p, Vec* even, Vec* odd) {
    const __m512i evens =
        _mm512_set_epi32(30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);
    const __m512i odds =
        _mm512_set_epi32(31, 29, 27, 25, 23, 21, 19, 17, 15, 13, 11, 9, 7, 5, 3, 1);
    const Vec low = LoadOnce(p);
    const Vec high = LoadOnce(p + kWidth);
    *even = _mm512_permutex2var_ps(low, evens, high);
    *odd = _mm512_permutex2var_ps(low, odds, high);
  }
  template <int n>
  static UBP_ALWAYS_INLINE Vec Shift(Vec a, Vec b) {
    return _mm512_castsi512_ps(
        _mm512_alignr_epi32(_mm512_castps_si512(b), _mm512_castps_si512(a), n));
  }
  static UBP_ALWAYS_INLINE Vec Pick(Vec v, const int32_t* indices) {
    return _mm512_permutexvar_ps(_mm512_loadu_si512(indices), v);
  }
  static UBP_ALWAYS_INLINE void Store(float* p, Vec v) { _mm512_storeu_ps(p, v); }
  static UBP_ALWAYS_INLINE Vec Broadcast(float x) { return _mm512_set1_ps(x); }
  static UBP_ALWAYS_INLINE Vec Masked(Vec v, Mask mask) { return _mm512_maskz_mov_ps(mask, v); }
  // max and min return their second operand when one is NaN.
  static UBP_ALWAYS_INLINE Vec Clamp(Vec v, Vec min, Vec max, Mask mask) {
    return _mm512_maskz_min_ps(mask, max, _mm512_max_ps(min, v));
  }
  static UBP_ALWAYS_INLINE Mask LoadMask(const uint32_t* p) {
    const __m512i bits = _mm512_loadu_si512(p);
    return _mm512_test_epi32_mask(bits, bits);
  }

  static UBP_ALWAYS_INLINE Vec Add(Vec a, Vec b) { return _mm512_add_ps(a, b); }
  static UBP_ALWAYS_INLINE Vec Max(Vec a, Vec b) { return _mm512_max_ps(a, b); }
  static UBP_ALWAYS_INLINE Vec Min(Vec a, Vec b) { return _mm512_min_ps(a, b); }
  static UBP_ALWAYS_INLINE Vec MultiplyAdd(Vec a, Vec b, Vec acc) {
    return _mm512_fmadd_ps(a, b, acc);
  }

  template <int N>
  static UBP_ALWAYS_INLINE const float* LoadWeights(const float* p) {
    return p;
  }
  template <int J>
  static UBP_ALWAYS_INLINE Vec MultiplyAddLane(Vec x, const float* weights, Vec acc) {
    return _mm512_fmadd_ps(x, _mm512_set1_ps(weights[J]), acc);
  }
};

bool Supported() { return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("fma"); }

// Blocks of 16 run faster as two of 8: tiles of one vector leave the multiply-adds waiting.
constexpr BlockKernels kKernels[] = {
    Kernels<Avx512, 1, 6>(),
    Kernels<Avx512, 2, 6>(),
    Kernels<Avx512, 4, 6>(),
    Kernels<Avx512, 8, 3>(),
};

}  // namespace

const InstructionSet kAvx512 = {"avx512",
                                Avx512::kWidth,
                                &kAvx2,
                                &Supported,
                                kKernels,
                                4,
                                8,
                                &Window<Avx512>::Sum,
                                &Window<Avx512>::Max,
                                &Window<Avx512>::Average,
                                &Pool<Avx512>::Max,
                                &Pool<Avx512>::Average,
                                &Dot<Avx512>::Run,
                                &Rearrange<Avx512::kWidth>::Transpose,
                                &Rearrange<Avx512::kWidth>::EveryOther,
                                &Resize<Avx512>::Plane,
                                &Normalize<Avx512>::Planes,
                                &Normalize<Avx512>::Rows,
                                ElementwiseKernels<Avx512>::kAll};

}  // namespace ubp
