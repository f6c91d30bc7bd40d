// WROS kernels for AVX2 with FMA: 16 vectors of 8 floats.

#include <immintrin.h>

#include "delegate/cpu/families.h"
#include "delegate/cpu/wros_instantiate.h"

namespace ubp {
namespace {

struct Avx2 {
  using Vec = __m256;
  static constexpr int kWidth = 8;

  static UBP_ALWAYS_INLINE Vec Load(const float* p) { return _mm256_loadu_ps(p); }
  static UBP_ALWAYS_INLINE void Store(float* p, Vec v) { _mm256_storeu_ps(p, v); }
  static UBP_ALWAYS_INLINE Vec Broadcast(float x) { return _mm256_set1_ps(x); }
  // max and min return their second operand when one is NaN.
  static UBP_ALWAYS_INLINE Vec Clamp(Vec v, Vec min, Vec max) {
    return _mm256_min_ps(max, _mm256_max_ps(min, v));
  }

  template <int N>
  static UBP_ALWAYS_INLINE const float* LoadWeights(const float* p) {
    return p;
  }
  template <int J>
  static UBP_ALWAYS_INLINE Vec MultiplyAdd(Vec x, const float* weights, Vec acc) {
    return _mm256_fmadd_ps(x, _mm256_set1_ps(weights[J]), acc);
  }
};

bool Supported() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

constexpr BlockKernels kKernels[] = {
    Kernels<Avx2, 1, 6>(),
    Kernels<Avx2, 2, 4>(),
    Kernels<Avx2, 4, 3>(),
    Kernels<Avx2, 8, 1>(),
};

}  // namespace

const KernelFamily kAvx2Family = {"avx2", Avx2::kWidth, &Supported, kKernels, 4};

}  // namespace ubp
