// The weight-rotating, output-stationary dataflow (WROS, section 4 of arXiv 2407.19644): the one
// source of all CPU kernels. A translation unit per instruction set instantiates it for its `Simd`
// class.
//
//   N accumulator rows, each V vectors of pixels, form a circular buffer over output channels: row
//   c mod N belongs to channel c. Blocks are sorted by start channel, and stored rotated, so that
//   the weight at position j of any block belongs to row j.
//
//     row[c mod N] = bias[c]                  for the first N channels
//     for s = 0, 1, ... :
//       for each block that starts at s:      the inner loop: N * V multiply-adds, no shuffle
//         row[j] += value[j] * input[lane]    for j = 0 .. N-1
//       output[s] = clamp(row[s mod N])       no later block reaches channel s: it is final
//       row[s mod N] = bias[s + N]            and its row passes on to channel s + N
//
//   s advances in groups of N, so that s mod N is a constant in every copy of the loop body and all
//   rows stay in registers.
//
// A Simd class provides
//   Vec, kWidth                    a vector of kWidth floats
//   kPrefetchBlocks                how many blocks ahead weights are prefetched; 0: not at all
//   kPrefetchLanes                 likewise for the pixels of blocks; at most kOffsetsBeyond
//   kPrefetchChannels              likewise, in channels, for the rows written and the residual
//   Load(p), Store(p, v)           unaligned
//   LoadOnce(p)                    for use in several places
//   LoadEven(p)                    p[0], p[2], .. of 2 * kWidth floats
//   LoadPairs(p, &even, &odd)      p[0], p[2], .. and p[1], p[3], ..
//   Shift<n>(a, b)                 elements n .. n + kWidth - 1 of a followed by b
//   Broadcast(x)
//   Add(a, b), Max(a, b)
//   MultiplyAdd(a, b, acc)         acc + a * b, fused where the instruction set can
//   Mask, LoadMask(p)              which elements count: bits p [kWidth], all set or none of each
//   Clamp(v, min, max, mask)       zero where the mask is; NaN stays NaN elsewhere
//   Weights<N>, LoadWeights<N>(p)  N values of a block, in whatever form MultiplyAddLane wants them
//   MultiplyAddLane<J>(x, w, acc)  acc + x * w[J]
// and lives in an unnamed namespace, as do these templates: code compiled for one instruction set
// must never be merged by the linker with code compiled for another. For the same reason only
// headers without inline functions are included here.
#ifndef UBP_DELEGATE_CPU_WROS_H_
#define UBP_DELEGATE_CPU_WROS_H_

#include <cstddef>
#include <cstdint>

#include "delegate/cpu/wros_args.h"

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

// The blocks of one start channel, and the pixels they read.
struct Blocks {
  const char* input;       // WrosArgs::input
  const int32_t* offsets;  // of the next block
  const float* values;     // of the next block
};

// Accumulators for a tile of V vectors of pixels: N rows of V vectors.
template <class Simd, int N, int V>
class TileRows {
 public:
  static constexpr int kBlockSize = N;

  explicit UBP_ALWAYS_INLINE TileRows(const WrosArgs& args)
      : min_(Simd::Broadcast(args.min)), max_(Simd::Broadcast(args.max)) {
    LoadMasks(args.mask, Vectors());
  }

  template <int P>
  UBP_ALWAYS_INLINE void Set(float value) {
    SetVectors<P>(value, Vectors());
  }

  template <int P>
  UBP_ALWAYS_INLINE void Store(float* output, const float* residual) {
    if (residual != nullptr) AddVectors<P>(residual, Vectors());
    StoreVectors<P>(output, Vectors());
  }

  // The rows that a later channel will write and add; a tile has few pixels of each, so that no
  // hardware foresees them.
  UBP_ALWAYS_INLINE void PrefetchRow(const float* output, ptrdiff_t output_stride,
                                     const float* residual, ptrdiff_t residual_stride) const {
    if constexpr (Simd::kPrefetchChannels > 0) {
      PrefetchLines<1>(output + Simd::kPrefetchChannels * output_stride, Lines());
      if (residual == nullptr) return;
      PrefetchLines<0>(residual + Simd::kPrefetchChannels * residual_stride, Lines());
    }
  }

  UBP_ALWAYS_INLINE void Add(Blocks* blocks, int32_t count) {
    const int32_t* const end = blocks->offsets + count;
    for (; blocks->offsets != end; ++blocks->offsets, blocks->values += N) {
      const char* lane = blocks->input + *blocks->offsets;
      Prefetch(*blocks);
      AddBlock(reinterpret_cast<const float*>(lane), blocks->values, IndicesUpTo<N>(), Vectors());
    }
  }

 private:
  using Vec = typename Simd::Vec;
  using Vectors = IndicesUpTo<V>;
  // The cache lines of a row, as if it began with one.
  static constexpr int kLineBytes = 64;
  static constexpr int kRowBytes = V * Simd::kWidth * static_cast<int>(sizeof(float));
  using Lines = IndicesUpTo<(kRowBytes + kLineBytes - 1) / kLineBytes>;

  // Weights are read once for each tile, in one sequence that exceeds the caches close to the core.
  // Hardware follows it within a page only; and what it fetches late stalls all rows at once. Nor
  // can it foresee the lanes: their pixels come from the second-level cache just in time this way.
  static UBP_ALWAYS_INLINE void Prefetch(const Blocks& blocks) {
    if constexpr (Simd::kPrefetchBlocks > 0) {
      __builtin_prefetch(blocks.values + Simd::kPrefetchBlocks * N);
      __builtin_prefetch(blocks.offsets + Simd::kPrefetchBlocks);
    }
    if constexpr (Simd::kPrefetchLanes > 0) {
      static_assert(Simd::kPrefetchLanes <= kOffsetsBeyond);
      PrefetchLines<0>(blocks.input + blocks.offsets[Simd::kPrefetchLanes], Lines());
    }
  }

  // `kWrite`: whether they will be written.
  template <int kWrite, int... I>
  static UBP_ALWAYS_INLINE void PrefetchLines(const void* row, Indices<I...>) {
    (__builtin_prefetch(static_cast<const char*>(row) + I * kLineBytes, kWrite), ...);
  }

  template <int... I>
  UBP_ALWAYS_INLINE void LoadMasks(const uint32_t* mask, Indices<I...>) {
    ((mask_[I] = Simd::LoadMask(mask + I * Simd::kWidth)), ...);
  }

  template <int P, int... I>
  UBP_ALWAYS_INLINE void SetVectors(float value, Indices<I...>) {
    ((row_[P][I] = Simd::Broadcast(value)), ...);
  }

  template <int P, int... I>
  UBP_ALWAYS_INLINE void AddVectors(const float* residual, Indices<I...>) {
    ((row_[P][I] = Simd::Add(row_[P][I], Simd::Load(residual + I * Simd::kWidth))), ...);
  }

  template <int P, int... I>
  UBP_ALWAYS_INLINE void StoreVectors(float* output, Indices<I...>) const {
    (Simd::Store(output + I * Simd::kWidth, Simd::Clamp(row_[P][I], min_, max_, mask_[I])), ...);
  }

  template <int... J, int... I>
  UBP_ALWAYS_INLINE void AddBlock(const float* lane, const float* values, Indices<J...>,
                                  Indices<I...>) {
    const Vec pixels[V] = {Simd::Load(lane + I * Simd::kWidth)...};
    const auto weights = Simd::template LoadWeights<N>(values);
    (AddToRow<J>(pixels, weights, Vectors()), ...);
  }

  template <int J, class Weights, int... I>
  UBP_ALWAYS_INLINE void AddToRow(const Vec (&pixels)[V], const Weights& weights, Indices<I...>) {
    ((row_[J][I] = Simd::template MultiplyAddLane<J>(pixels[I], weights, row_[J][I])), ...);
  }

  Vec row_[N][V];
  typename Simd::Mask mask_[V];
  Vec min_;
  Vec max_;
};

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

// The dataflow itself, over either kind of accumulators.
template <class Rows>
class Wros {
 public:
  static void Run(const WrosArgs& args) {
    Wros wros(args);
    wros.SetRows(Phases());
    if (args.channel_begin > 0) wros.WarmUp(Phases());
    while (wros.channel_ < args.channel_end) wros.RunGroup(Phases());
  }

 private:
  static constexpr int N = Rows::kBlockSize;
  using Phases = IndicesUpTo<N>;

  explicit UBP_ALWAYS_INLINE Wros(const WrosArgs& args)
      : rows_(args),
        blocks_{reinterpret_cast<const char*>(args.input), args.offsets, args.values},
        counts_(args.counts),
        bias_(args.bias),
        output_(args.output),
        output_stride_(args.output_stride),
        residual_(args.residual),
        residual_stride_(args.residual_stride),
        channel_(args.channel_begin),
        channel_end_(args.channel_end) {}

  template <int... P>
  UBP_ALWAYS_INLINE void SetRows(Indices<P...>) {
    (rows_.template Set<P>(bias_[P]), ...);
  }

  // The N - 1 start channels channel_begin - N + p before a range, p = 1 .. N - 1. Each is done
  // with its own channel, which is not stored, and passes row p on to channel_begin + p. Row 0
  // already belongs to channel_begin.
  template <int... P>
  UBP_ALWAYS_INLINE void WarmUp(Indices<P...>) {
    (WarmUpStart<P>(), ...);
  }

  template <int P>
  UBP_ALWAYS_INLINE void WarmUpStart() {
    if constexpr (P > 0) {
      rows_.Add(&blocks_, *counts_++);
      rows_.template Set<P>(bias_[P]);
    }
  }

  // N start channels; fewer at the end of a range.
  template <int... P>
  UBP_ALWAYS_INLINE void RunGroup(Indices<P...>) {
    bias_ += N;
    (RunStart<P>(), ...);
  }

  template <int P>
  UBP_ALWAYS_INLINE void RunStart() {
    if (channel_ == channel_end_) return;
    rows_.PrefetchRow(output_, output_stride_, residual_, residual_stride_);
    rows_.Add(&blocks_, *counts_++);
    rows_.template Store<P>(output_, residual_);
    rows_.template Set<P>(bias_[P]);
    output_ += output_stride_;
    if (residual_ != nullptr) residual_ += residual_stride_;
    ++channel_;
  }

  Rows rows_;
  Blocks blocks_;
  const int32_t* counts_;
  const float* bias_;  // of the first channel of the next group
  float* output_;
  ptrdiff_t output_stride_;
  const float* residual_;
  ptrdiff_t residual_stride_;
  int channel_;  // the next to be stored
  int channel_end_;
};

}  // namespace
}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_WROS_H_
