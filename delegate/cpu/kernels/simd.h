// SPDX-License-Identifier: Apache-2.0
// What the kernels of all instruction sets are written in terms of. A translation unit per
// instruction set defines its `Simd` class and instantiates the kernels for it.
//
// A Simd class provides
//   Vec, kWidth                    a vector of kWidth floats
//   kPipelined                     whether loads for a block belong into the block before: see
//                                  pipelined_rows.h, also for what a Simd needs for that
//   kPrefetchBlocks                how many blocks ahead weights are prefetched; 0: not at all
//   kPrefetchLanes                 likewise for the pixels of blocks; at most kOffsetsBeyond
//   kPrefetchChannels              likewise, in channels, for the rows written and the residual
//   kWindowVectors                 how many vectors of pixels a window kernel computes at once: as
//                                  many as it takes to hide latencies and registers hold; 1 .. 6
//   Load(p), Store(p, v)           unaligned
//   LoadOnce(p)                    for use in several places
//   LoadEven(p)                    p[0], p[2], .. of 2 * kWidth floats
//   LoadPairs(p, &even, &odd)      p[0], p[2], .. and p[1], p[3], ..
//   Shift<n>(a, b)                 elements n .. n + kWidth - 1 of a followed by b
//   Pick(v, indices)               v[indices[0]], v[indices[1]], ..; indices [kWidth] below kWidth
//   Broadcast(x)
//   Add(a, b), Max(a, b), Min(a, b)  where b is NaN, that is the result
//   MultiplyAdd(a, b, acc)         acc + a * b, fused where the instruction set can
//   Mask, LoadMask(p)              which elements count: bits p [kWidth], all set or none of each
//   Masked(v, mask)                zero where the mask is
//   Clamp(v, min, max, mask)       the same, and NaN stays NaN elsewhere
//   Weights<N>, LoadWeights<N>(p)  N values of a block, in whatever form MultiplyAddLane wants them
//   MultiplyAddLane<J>(x, w, acc)  acc + x * w[J]
// and lives in an unnamed namespace, as do these templates: code compiled for one instruction set
// must never be merged by the linker with code compiled for another. For the same reason only
// headers without inline functions are included here.
#ifndef UBP_DELEGATE_CPU_KERNELS_SIMD_H_
#define UBP_DELEGATE_CPU_KERNELS_SIMD_H_

#define UBP_ALWAYS_INLINE inline __attribute__((always_inline))

namespace ubp {
namespace {

// Compile-time lists 0, 1, .., Size-1, to unroll loops whose indices must be constants.
template <int... I>
struct Indices {};
template <int Size, int... I>
struct MakeIndices : MakeIndices<Size - 1, Size - 1, I...> {};
template <int... I>
struct MakeIndices<0, I...> {
  using Type = Indices<I...>;
};
template <int Size>
using IndicesUpTo = typename MakeIndices<Size>::Type;

// `Size` floats as one vector, where any instruction set will do; a single float where that is 1.
template <int Size>
struct FloatVector {
  typedef float Type __attribute__((vector_size(Size * sizeof(float))));
};
template <>
struct FloatVector<1> {
  using Type = float;
};

}  // namespace
}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_KERNELS_SIMD_H_
