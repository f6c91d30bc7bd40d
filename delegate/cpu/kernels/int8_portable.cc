// SPDX-License-Identifier: Apache-2.0
// Int8 kernels for any processor: plain loops over 4 pixels at a time, whatever the compiler makes of
// them.

#include "delegate/cpu/kernels/int8_depthwise.h"
#include "delegate/cpu/kernels/int8_elementwise.h"
#include "delegate/cpu/kernels/int8_instantiate.h"
#include "delegate/cpu/kernels/int8_instruction_set.h"
#include "delegate/cpu/kernels/int8_pool.h"
#include "delegate/cpu/kernels/int8_resize.h"

namespace ubp {
namespace {

struct Portable {
  typedef int8_t Quads __attribute__((vector_size(16)));
  typedef int32_t Sums __attribute__((vector_size(16)));
  typedef float Scale __attribute__((vector_size(16)));
  typedef uint32_t Mask __attribute__((vector_size(16)));
  using Limits = Requantization;
  static constexpr int kWidth = 4;
  static constexpr uint8_t kFlip = 0;
  static constexpr bool kPipelined = false;
  static constexpr bool kPairs = false;
  static constexpr int kPrefetchBlocks = 0;
  static constexpr int kPrefetchRows = 0;
  static constexpr int kPrefetchQuads = 0;

  struct Narrowed {
    Sums a, b;
  };

  template <class Vec, class Element>
  static UBP_ALWAYS_INLINE Vec LoadVector(const Element* p) {
    Vec v;
    __builtin_memcpy(&v, p, sizeof(v));
    return v;
  }
  static UBP_ALWAYS_INLINE Quads Load(const uint8_t* p) { return LoadVector<Quads>(p); }
  static UBP_ALWAYS_INLINE void Store(uint8_t* p, Quads v) { __builtin_memcpy(p, &v, sizeof(v)); }
  static UBP_ALWAYS_INLINE Quads BroadcastQuad(uint32_t quad) {
    return (Quads)Mask{quad, quad, quad, quad};
  }
  static UBP_ALWAYS_INLINE Mask LoadMask(const uint32_t* p) { return LoadVector<Mask>(p); }
  static UBP_ALWAYS_INLINE Quads Select(Mask mask, Quads v, Quads junk) {
    return (v & (Quads)mask) | (junk & ~(Quads)mask);
  }

  static UBP_ALWAYS_INLINE Sums Broadcast(int32_t x) { return Sums{x, x, x, x}; }
  static UBP_ALWAYS_INLINE Sums Add(Sums a, Sums b) { return a + b; }
  static UBP_ALWAYS_INLINE Sums Multiply(Sums a, Sums b) { return a * b; }
  static UBP_ALWAYS_INLINE Sums ShiftRight(Sums a, int n) { return a >> n; }
  static UBP_ALWAYS_INLINE Quads Most(Quads a, Quads b) { return a > b ? a : b; }
  static UBP_ALWAYS_INLINE Quads LeastBytes(Quads a, Quads b) { return a < b ? a : b; }
  static UBP_ALWAYS_INLINE Quads Evens(Quads a, Quads b) {
    return (Quads)__builtin_shufflevector((Sums)a, (Sums)b, 0, 2, 4, 6);
  }

  template <int N>
  static UBP_ALWAYS_INLINE const int8_t* LoadWeights(const int8_t* p) {
    return p;
  }
  template <int J>
  static UBP_ALWAYS_INLINE Quads WeightAt(const int8_t* weights) {
    uint32_t quad;
    __builtin_memcpy(&quad, weights + 4 * J, sizeof(quad));
    return BroadcastQuad(quad);
  }
  template <int J>
  static UBP_ALWAYS_INLINE Sums Dot(Quads x, Quads weight, Sums sums) {
    return DotSpan(x, weight, sums);
  }

  static UBP_ALWAYS_INLINE Sums DotFour(const uint8_t* quad, const int8_t* weights, Sums sums) {
    uint32_t x;
    __builtin_memcpy(&x, quad, sizeof(x));
    return DotSpan(BroadcastQuad(x), LoadVector<Quads>(weights), sums);
  }

  static UBP_ALWAYS_INLINE Scale BroadcastScale(float x) { return Scale{x, x, x, x}; }
  static UBP_ALWAYS_INLINE Limits MakeLimits(const Requantization& r) { return r; }
  template <Clamp>
  static UBP_ALWAYS_INLINE Sums Round(Sums sums, Scale scale, const Limits& limits) {
    const Scale scaled = __builtin_convertvector(sums, Scale) * scale;
    const Scale max = BroadcastScale(static_cast<float>(limits.max - limits.zero_point));
    const Scale min = BroadcastScale(static_cast<float>(limits.min - limits.zero_point));
    const Scale most = scaled < max ? scaled : max;
    // Added and subtracted: rounds such small numbers to integers, ties to even.
    const Scale shift = BroadcastScale(0x1.8p23f);
    return __builtin_convertvector(((most > min ? most : min) + shift) - shift, Sums);
  }
  static UBP_ALWAYS_INLINE Sums ScaleInFixedPoint(Sums products, const ProductScale& scale) {
    Sums scaled;
    for (int i = 0; i < kWidth; ++i) {
      const int64_t product = int64_t{products[i]} * (int64_t{1} << scale.left) * scale.factor;
      scaled[i] = static_cast<int32_t>(((product >> 31) + (1 << (scale.right - 1))) >> scale.right);
    }
    return scaled;
  }
  template <Clamp>
  static UBP_ALWAYS_INLINE Narrowed Narrow(Sums a, Sums b, const Limits& limits) {
    return {InRange(a + limits.zero_point, limits), InRange(b + limits.zero_point, limits)};
  }
  static UBP_ALWAYS_INLINE Sums InRange(Sums v, const Limits& limits) {
    const Sums least = Broadcast(limits.min);
    const Sums most = Broadcast(limits.max);
    const Sums raised = v > least ? v : least;
    return raised < most ? raised : most;
  }
  template <Clamp>
  static UBP_ALWAYS_INLINE Quads NarrowBytes(const Narrowed& first, const Narrowed& second,
                                             const Limits&) {
    const auto a = (Quads)first.a, b = (Quads)first.b, c = (Quads)second.a, d = (Quads)second.b;
    const Quads ab =
        __builtin_shufflevector(a, b, 0, 4, 8, 12, 16, 20, 24, 28, 0, 0, 0, 0, 0, 0, 0, 0);
    const Quads cd =
        __builtin_shufflevector(c, d, 0, 4, 8, 12, 16, 20, 24, 28, 0, 0, 0, 0, 0, 0, 0, 0);
    return __builtin_shufflevector(ab, cd, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
  }
  // Of 4 x 4 bytes.
  static UBP_ALWAYS_INLINE Quads Transpose(Quads v) {
    return __builtin_shufflevector(v, v, 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  }
  static UBP_ALWAYS_INLINE Quads TransposeSelected(Mask mask, Quads v, Quads junk) {
    return Select(mask, Transpose(v), junk);
  }
  static UBP_ALWAYS_INLINE Sums GatherSums(const int32_t* p, const int32_t* o) {
    return LoadVector<Sums>(p + *o);
  }
  static UBP_ALWAYS_INLINE Sums LoadSums(const int32_t* p) { return LoadVector<Sums>(p); }
  static UBP_ALWAYS_INLINE Scale LoadScale(const float* p) { return LoadVector<Scale>(p); }
  static UBP_ALWAYS_INLINE Quads LoadSpan(const int8_t* p) { return LoadVector<Quads>(p); }
  static UBP_ALWAYS_INLINE Sums DotSpan(Quads x, Quads weights, Sums sums) {
    typedef int16_t Products __attribute__((vector_size(32)));
    typedef int32_t Pairs __attribute__((vector_size(32)));
    const auto products =
        (Pairs)(__builtin_convertvector(x, Products) * __builtin_convertvector(weights, Products));
    const Pairs pairs = (products >> 16) + (products << 16 >> 16);
    return sums + __builtin_shufflevector(pairs, pairs, 0, 2, 4, 6) +
           __builtin_shufflevector(pairs, pairs, 1, 3, 5, 7);
  }
  template <int I>
  static UBP_ALWAYS_INLINE Sums Unpack(Quads v) {
    return Sums{v[4 * I], v[4 * I + 1], v[4 * I + 2], v[4 * I + 3]};
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

bool Supported() { return true; }

}  // namespace

const Int8Kernels kInt8Portable = {"portable",
                                   Portable::kWidth,
                                   Portable::kFlip,
                                   &Supported,
                                   {QuadKernels<Portable, 1, 2>(), QuadKernels<Portable, 2, 2>(),
                                    QuadKernels<Portable, 4, 2>(), QuadKernels<Portable, 8, 1>()},
                                   &QuadWindow<Portable>::Run,
                                   &QuadBinary<Portable, AddQuads<Portable>>::Run,
                                   &QuadBinary<Portable, MultiplyQuads<Portable>>::Run,
                                   &QuadPool<Portable>::Max,
                                   &QuadPool<Portable>::Average,
                                   &QuadPool<Portable>::SumPlanes,
                                   &QuadResize<Portable>::Row};

}  // namespace ubp
