// The accumulators of the WROS dataflow (wros.h) for a single pixel.
#ifndef UBP_DELEGATE_CPU_PIXEL_ROWS_H_
#define UBP_DELEGATE_CPU_PIXEL_ROWS_H_

#include <cstddef>
#include <cstdint>

#include "delegate/cpu/simd.h"
#include "delegate/cpu/wros_args.h"
#include "delegate/cpu/wros_blocks.h"

namespace ubp {
namespace {

// N floats as one vector; a single float where N is 1.
template <int N>
struct PixelVector {
  typedef float Vec __attribute__((vector_size(N * sizeof(float))));
};
template <>
struct PixelVector<1> {
  using Vec = float;
};

template <class Vec>
UBP_ALWAYS_INLINE float GetLane(const Vec& v, int lane) {
  return v[lane];
}
UBP_ALWAYS_INLINE float GetLane(const float& v, int) { return v; }

template <class Vec>
UBP_ALWAYS_INLINE void SetLane(Vec* v, int lane, float value) {
  (*v)[lane] = value;
}
UBP_ALWAYS_INLINE void SetLane(float* v, int, float value) { *v = value; }

// Accumulators for a single pixel (a fully-connected layer at batch 1, a 1x1 convolution after
// global pooling): the N rows are the N lanes of one vector, and a block is one multiply-add of its
// rotated values with the broadcast input. kChains partial sums hide the latency of the
// multiply-add; they are added in a fixed order.
template <int N>
class PixelRows {
 public:
  static constexpr int kBlockSize = N;

  explicit UBP_ALWAYS_INLINE PixelRows(const WrosArgs& args)
      : row_(), min_(args.min), max_(args.max) {}

  template <int P>
  UBP_ALWAYS_INLINE void Set(float value) {
    SetLane(&row_, P, value);
  }

  template <int P>
  UBP_ALWAYS_INLINE void Store(float* output, const float* residual) const {
    const float value = GetLane(row_, P) + (residual != nullptr ? *residual : 0.0f);
    const float raised = value < min_ ? min_ : value;
    *output = raised > max_ ? max_ : raised;
  }

  UBP_ALWAYS_INLINE void PrefetchRow(const float*, ptrdiff_t, const float*, ptrdiff_t) const {}

  UBP_ALWAYS_INLINE void Add(Blocks* blocks, int32_t count) {
    Vec partial[kChains] = {};
    const int32_t* const end = blocks->offsets + count;
    while (end - blocks->offsets >= kChains) AddBlocks(blocks, partial, IndicesUpTo<kChains>());
    while (blocks->offsets != end) AddBlocks(blocks, partial, Indices<0>());
    row_ += (partial[0] + partial[1]) + (partial[2] + partial[3]);
  }

 private:
  static constexpr int kChains = 4;
  using Vec = typename PixelVector<N>::Vec;

  // The next blocks, one for each chain I.
  template <int... I>
  static UBP_ALWAYS_INLINE void AddBlocks(Blocks* blocks, Vec (&partial)[kChains], Indices<I...>) {
    (AddProduct(*blocks, I, &partial[I]), ...);
    blocks->offsets += sizeof...(I);
    blocks->values += sizeof...(I) * N;
  }

  static UBP_ALWAYS_INLINE void AddProduct(const Blocks& blocks, int block, Vec* sum) {
    Vec weights;
    __builtin_memcpy(&weights, blocks.values + block * N, sizeof(weights));
    *sum += weights * *reinterpret_cast<const float*>(blocks.input + blocks.offsets[block]);
  }

  Vec row_;
  float min_;
  float max_;
};

}  // namespace
}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_PIXEL_ROWS_H_
