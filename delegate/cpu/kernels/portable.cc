// SPDX-License-Identifier: Apache-2.0
// Kernels for any processor: the compiler's own vectors of 4 floats, whatever it makes of
// them.

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

struct Portable {
  typedef float Vec __attribute__((vector_size(16)));
  using Mask = const uint32_t*;
  static constexpr int kWidth = 4;
  static constexpr bool kPipelined = false;
  static constexpr int kPrefetchBlocks = 0;
  static constexpr int kPrefetchLanes = 0;
  static constexpr int kPrefetchChannels = 0;
  static constexpr int kWindowVectors = 6;

  static UBP_ALWAYS_INLINE Vec Load(const float* p) {
    Vec v;
    __builtin_memcpy(&v, p, sizeof(v));
    return v;
  }
  static UBP_ALWAYS_INLINE Vec LoadOnce(const float* p) { return Load(p); }
  static UBP_ALWAYS_INLINE Vec LoadEven(const float* p) {
    Vec even, odd;
    LoadPairs(p, &even, &odd);
    return even;
  }
  static UBP_ALWAYS_INLINE void LoadPairs(const float* p, Vec* even, Vec* odd) {
    *even = __builtin_shufflevector(Load(p), Load(p + kWidth), 0, 2, 4, 6);
    *odd = __builtin_shufflevector(Load(p), Load(p + kWidth), 1, 3, 5, 7);
  }
  template <int n>
  static UBP_ALWAYS_INLINE Vec Shift(Vec a, Vec b) {
    return __builtin_shufflevector(a, b, n, n + 1, n + 2, n + 3);
  }
  static UBP_ALWAYS_INLINE Vec Pick(Vec v, const int32_t* indices) {
    return Vec{v[indices[0]], v[indices[1]], v[indices[2]], v[indices[3]]};
  }
  static UBP_ALWAYS_INLINE void Store(float* p, Vec v) { __builtin_memcpy(p, &v, sizeof(v)); }
  static UBP_ALWAYS_INLINE Vec Broadcast(float x) { return Vec{x, x, x, x}; }
  static UBP_ALWAYS_INLINE Vec Masked(Vec v, Mask mask) {
    typedef uint32_t Bits __attribute__((vector_size(16)));
    Bits bits;
    __builtin_memcpy(&bits, mask, sizeof(bits));
    return (Vec)((Bits)v & bits);
  }
  static UBP_ALWAYS_INLINE Vec Clamp(Vec v, Vec min, Vec max, Mask mask) {
    const Vec raised = v < min ? min : v;
    return Masked(raised > max ? max : raised, mask);
  }
  static UBP_ALWAYS_INLINE Mask LoadMask(const uint32_t* p) { return p; }

  static UBP_ALWAYS_INLINE Vec Add(Vec a, Vec b) { return a + b; }
  static UBP_ALWAYS_INLINE Vec Max(Vec a, Vec b) { return a > b ? a : b; }
  static UBP_ALWAYS_INLINE Vec Min(Vec a, Vec b) { return a < b ? a : b; }
  static UBP_ALWAYS_INLINE Vec MultiplyAdd(Vec a, Vec b, Vec acc) { return acc + a * b; }

  template <int N>
  static UBP_ALWAYS_INLINE const float* LoadWeights(const float* p) {
    return p;
  }
  template <int J>
  static UBP_ALWAYS_INLINE Vec MultiplyAddLane(Vec x, const float* weights, Vec acc) {
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

const InstructionSet kPortable = {"portable",
                                  Portable::kWidth,
                                  nullptr,
                                  &Supported,
                                  kKernels,
                                  4,
                                  4,
                                  &Window<Portable>::Sum,
                                  &Window<Portable>::Max,
                                  &Window<Portable>::Average,
                                  &Pool<Portable>::Max,
                                  &Pool<Portable>::Average,
                                  &Dot<Portable>::Run,
                                  &Rearrange<Portable::kWidth>::Transpose,
                                  &Rearrange<Portable::kWidth>::EveryOther,
                                  &Resize<Portable>::Plane,
                                  &Normalize<Portable>::Planes,
                                  &Normalize<Portable>::Rows,
                                  ElementwiseKernels<Portable>::kAll};

}  // namespace ubp
