// SPDX-License-Identifier: Apache-2.0
// The vectors that the kernels of all instruction sets are written in: the compiler's own, of
// kWidth lanes. A translation unit per instruction set instantiates the kernels for its width.
//
// Everything here and in the kernels' headers lives in an unnamed namespace, and none of them
// includes a header with inline functions: code compiled for one instruction set must never be
// merged by the linker with code compiled for another.
#ifndef UBP_SELECTION_NATIVE_VECTORS_H_
#define UBP_SELECTION_NATIVE_VECTORS_H_

#include <stdint.h>

#define UBP_ALWAYS_INLINE inline __attribute__((always_inline))

namespace ubp {
namespace selection {
namespace {

// Compile-time lists 0, 1, .., Size-1, for the indices of shuffles.
template <int... I>
struct Indices {};
template <int Size, int... I>
struct MakeIndices : MakeIndices<Size - 1, Size - 1, I...> {};
template <int... I>
struct MakeIndices<0, I...> {
  using Type = Indices<I...>;
};

template <class T, int kBytes>
struct VectorOf {
  typedef T Type __attribute__((vector_size(kBytes), may_alias));
};

template <int kLanes>
struct Vectors {
  static constexpr int kWidth = kLanes;
  using I32 = typename VectorOf<int32_t, 4 * kLanes>::Type;
  using U32 = typename VectorOf<uint32_t, 4 * kLanes>::Type;
  using U64 = typename VectorOf<uint64_t, 4 * kLanes>::Type;  // kWidth / 2 of them
  using Pattern = typename MakeIndices<kLanes>::Type;

  // `p` is aligned to the size of a vector.
  static UBP_ALWAYS_INLINE I32 Load(const int32_t* p) { return *reinterpret_cast<const I32*>(p); }
  static UBP_ALWAYS_INLINE void Store(int32_t* p, I32 v) { *reinterpret_cast<I32*>(p) = v; }
  static UBP_ALWAYS_INLINE I32 Broadcast(int32_t x) { return I32{} + x; }
  static UBP_ALWAYS_INLINE I32 Max(I32 a, I32 b) { return a > b ? a : b; }

  // a[0], b[0], a[1], b[1], .. of the first and of the second halves.
  template <int... I>
  static UBP_ALWAYS_INLINE I32 ZipLow(I32 a, I32 b, Indices<I...>) {
    return __builtin_shufflevector(a, b, (I / 2 + I % 2 * kWidth)...);
  }
  template <int... I>
  static UBP_ALWAYS_INLINE I32 ZipHigh(I32 a, I32 b, Indices<I...>) {
    return __builtin_shufflevector(a, b, (kWidth / 2 + I / 2 + I % 2 * kWidth)...);
  }

  static UBP_ALWAYS_INLINE int64_t Sum(I32 v) {
    int64_t sum = 0;
    for (int i = 0; i < kWidth; ++i) sum += v[i];
    return sum;
  }
  static UBP_ALWAYS_INLINE uint64_t Sum(U64 v) {
    uint64_t sum = 0;
    for (int i = 0; i < kWidth / 2; ++i) sum += v[i];
    return sum;
  }
};

}  // namespace
}  // namespace selection
}  // namespace ubp

#endif  // UBP_SELECTION_NATIVE_VECTORS_H_
