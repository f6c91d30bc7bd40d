// SPDX-License-Identifier: Apache-2.0
// Kernels for AVX2 with FMA: 16 vectors of 8 floats.

#include <immintrin.h>

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

struct Avx2 {
  using Vec = __m256;
  using Mask = const uint32_t*;  // read where it is used: registers are few
  static constexpr int kWidth = 8;
  static constexpr bool kPipelined = false;
  static constexpr int kPrefetchBlocks = 192;
  static constexpr int kPrefetchLanes = 8;
  static constexpr int kPrefetchChannels = 4;
  static constexpr int kWindowVectors = 6;

  static UBP_ALWAYS_INLINE Vec Load(const float* p) { return _mm256_loadu_ps(p); }
  // GCC makes a load an operand of each instruction that uses it, and so repeats it.
  static UBP_ALWAYS_INLINE Vec LoadOnce(const float* p) {
    Vec v = Load(p);
    asm("" : "+x"(v));
    return v;
  }
  static UBP_ALWAYS_INLINE Vec LoadEven(const float* p) {
    Vec even, odd;
    LoadPairs(p, &even, &odd);
    return even;
  }
  static UBP_ALWAYS_INLINE void LoadPairs(const float* p, Vec* even, Vec* odd) {
    const Vec low = LoadOnce(p);
    const Vec high = LoadOnce(p + kWidth);
    *even = InOrder(_mm256_shuffle_ps(low, high, 0x88));
    *odd = InOrder(_mm256_shuffle_ps(low, high, 0xDD));
  }
  // Of pairs 0, 2, 1, 3, which is how a shuffle within halves leaves them.
  static UBP_ALWAYS_INLINE Vec InOrder(Vec pairs) {
    return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(pairs), 0xD8));
  }
  template <int n>
  static UBP_ALWAYS_INLINE Vec Shift(Vec a, Vec b) {
    const __m256i middle =
        _mm256_permute2x128_si256(_mm256_castps_si256(a), _mm256_castps_si256(b), 0x21);
    return _mm256_castsi256_ps(_mm256_alignr_epi8(middle, _mm256_castps_si256(a), 4 * n));
  }
  static UBP_ALWAYS_INLINE Vec Pick(Vec v, const int32_t* indices) {
    return _mm256_permutevar8x32_ps(v,
                                    _mm256_loadu_si256(reinterpret_cast<const __m256i*>(indices)));
  }
  static UBP_ALWAYS_INLINE void Store(float* p, Vec v) { _mm256_storeu_ps(p, v); }
  static UBP_ALWAYS_INLINE Vec Broadcast(float x) { return _mm256_set1_ps(x); }
  static UBP_ALWAYS_INLINE Vec Masked(Vec v, Mask mask) {
    const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(mask));
    return _mm256_and_ps(v, _mm256_castsi256_ps(bits));
  }
  // max and min return their second operand when one is NaN.
  static UBP_ALWAYS_INLINE Vec Clamp(Vec v, Vec min, Vec max, Mask mask) {
    return Masked(_mm256_min_ps(max, _mm256_max_ps(min, v)), mask);
  }
  static UBP_ALWAYS_INLINE Mask LoadMask(const uint32_t* p) { return p; }

  static UBP_ALWAYS_INLINE Vec Add(Vec a, Vec b) { return _mm256_add_ps(a, b); }
  static UBP_ALWAYS_INLINE Vec Max(Vec a, Vec b) { return _mm256_max_ps(a, b); }
  static UBP_ALWAYS_INLINE Vec Min(Vec a, Vec b) { return _mm256_min_ps(a, b); }
  static UBP_ALWAYS_INLINE Vec MultiplyAdd(Vec a, Vec b, Vec acc) {
    return _mm256_fmadd_ps(a, b, acc);
  }

  template <int N>
  static UBP_ALWAYS_INLINE const float* LoadWeights(const float* p) {
    return p;
  }
  template <int J>
  static UBP_ALWAYS_INLINE Vec MultiplyAddLane(Vec x, const float* weights, Vec acc) {
    return _mm256_fmadd_ps(x, _mm256_set1_ps(weights[J]), acc);
  }
};

bool Supported() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

// Blocks of 8 run faster as two of 4: tiles of one vector leave the multiply-adds waiting.
constexpr BlockKernels kKernels[] = {
    Kernels<Avx2, 1, 6>(),
    Kernels<Avx2, 2, 4>(),
    Kernels<Avx2, 4, 3>(),
};

}  // namespace

const InstructionSet kAvx2 = {"avx2",
                              Avx2::kWidth,
                              nullptr,
                              &Supported,
                              kKernels,
                              3,
                              4,
                              &Window<Avx2>::Sum,
                              &Window<Avx2>::Max,
                              &Window<Avx2>::Average,
                              &Pool<Avx2>::Max,
                              &Pool<Avx2>::Average,
                              &Dot<Avx2>::Run,
                              &Rearrange<Avx2::kWidth>::Transpose,
                              &Rearrange<Avx2::kWidth>::EveryOther,
                              &Resize<Avx2>::Plane,
                              &Normalize<Avx2>::Planes,
                              &Normalize<Avx2>::Rows,
                              ElementwiseKernels<Avx2>::kAll};

}  // namespace ubp
