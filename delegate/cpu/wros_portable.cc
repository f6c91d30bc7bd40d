// WROS kernels for any processor: the compiler's own vectors of 4 floats, whatever it makes of
// them.

#include "delegate/cpu/families.h"
#include "delegate/cpu/wros_instantiate.h"

namespace ubp {
namespace {

struct Portable {
  typedef float Vec __attribute__((vector_size(16)));
  static constexpr int kWidth = 4;

  static UBP_ALWAYS_INLINE Vec Load(const float* p) {
    Vec v;
    __builtin_memcpy(&v, p, sizeof(v));
    return v;
  }
  static UBP_ALWAYS_INLINE void Store(float* p, Vec v) { __builtin_memcpy(p, &v, sizeof(v)); }
  static UBP_ALWAYS_INLINE Vec Broadcast(float x) { return Vec{x, x, x, x}; }
  static UBP_ALWAYS_INLINE Vec Clamp(Vec v, Vec min, Vec max) {
    const Vec raised = v < min ? min : v;
    return raised > max ? max : raised;
  }

  template <int N>
  static UBP_ALWAYS_INLINE const float* LoadWeights(const float* p) {
    return p;
  }
  template <int J>
  static UBP_ALWAYS_INLINE Vec MultiplyAdd(Vec x, const float* weights, Vec acc) {
    return acc + x * weights[J];
  }
};

bool Supported() { return true; }

constexpr BlockKernels kKernels[] = {
    Kernels<Portable, 1, 4>(),
    Kernels<Portable, 2, 4>(),
    Kernels<Portable, 4, 2>(),
    Kernels<Portable, 8, 1>(),
};

}  // namespace

const KernelFamily kPortableFamily = {"portable", Portable::kWidth, &Supported, kKernels, 4};

}  // namespace ubp
