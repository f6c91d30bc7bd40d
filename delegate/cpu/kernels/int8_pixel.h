// SPDX-License-Identifier: Apache-2.0
// The int8 dataflow (int8_wros.h) for a single pixel: a fully-connected layer at batch 1. `Simd` as in
// int8_simd.h.
//
// The N rows are the lanes of one vector of 4, or of two; a block is one dot product of its rotated
// weights with the group's quad, the same in all lanes. kChains partial sums hide the latency of the
// dot product. A row's sum is taken out by a blend, which also puts the bias of the next one there.
#ifndef UBP_DELEGATE_CPU_KERNELS_INT8_PIXEL_H_
#define UBP_DELEGATE_CPU_KERNELS_INT8_PIXEL_H_

#include <cstddef>
#include <cstdint>

#include "delegate/cpu/kernels/int8_args.h"
#include "delegate/cpu/kernels/int8_simd.h"

namespace ubp {
namespace {

template <class Simd, int N>
class QuadPixel {
 public:
  static void Run(const QuadPixelArgs& args) {
    QuadPixel pixel(args);
    pixel.Begin(Parts(), IndicesUpTo<N>());
    for (int c = args.channel_begin; c < args.channel_end; c += N) {
      pixel.RunGroup(IndicesUpTo<N>(), Parts());
    }
  }

 private:
  typedef int32_t Sums __attribute__((vector_size(16)));
  typedef float Floats __attribute__((vector_size(16)));
  static constexpr int kLanes = 4;
  static constexpr int kParts = (N + kLanes - 1) / kLanes;
  using Parts = IndicesUpTo<kParts>;
  static constexpr int kChains = 4;

  explicit UBP_ALWAYS_INLINE QuadPixel(const QuadPixelArgs& args)
      : args_(args),
        counts_(args.counts),
        offsets_(args.offsets),
        values_(args.values),
        bias_(args.bias),
        scale_(args.scale),
        output_(args.output) {}

  // Behind a first range, the N - 1 start channels before; see Wros::WarmUp.
  template <int... Q, int... P>
  UBP_ALWAYS_INLINE void Begin(Indices<Q...>, Indices<P...>) {
    ((row_[Q] = Load<Sums>(bias_ + Q * kLanes)), ...);
    if (args_.channel_begin > 0) (WarmUpStart<P>(), ...);
    bias_ += N;
  }

  template <int P>
  UBP_ALWAYS_INLINE void WarmUpStart() {
    if constexpr (P > 0) {
      Add(*counts_++);
      SetLane<P>(Load<Sums>(bias_ + P / kLanes * kLanes), &row_[P / kLanes]);
    }
  }

  template <int... P, int... Q>
  UBP_ALWAYS_INLINE void RunGroup(Indices<P...>, Indices<Q...>) {
    Sums done[kParts] = {};
    const Sums next[] = {Load<Sums>(bias_ + Q * kLanes)...};
    (RunStart<P>(next[P / kLanes], &done[P / kLanes]), ...);
    (Store(done[Q], Q * kLanes), ...);
    bias_ += N;
    scale_ += N;
    output_ += N;
  }

  template <int P>
  UBP_ALWAYS_INLINE void RunStart(const Sums& next, Sums* done) {
    Add(*counts_++);
    SetLane<P>(row_[P / kLanes], done);
    SetLane<P>(next, &row_[P / kLanes]);
  }

  UBP_ALWAYS_INLINE void Add(int32_t count) {
    Sums partial[kChains][kParts] = {};
    const int32_t* const end = offsets_ + count;
    while (end - offsets_ >= kChains) AddBlocks(partial, IndicesUpTo<kChains>());
    while (offsets_ != end) AddBlocks(partial, Indices<0>());
    AddPartials(partial, Parts());
  }

  // The next blocks, one for each chain C.
  template <int... C>
  UBP_ALWAYS_INLINE void AddBlocks(Sums (&partial)[kChains][kParts], Indices<C...>) {
    (AddBlock(args_.input + offsets_[C], values_ + C * 4 * N, partial[C], Parts()), ...);
    offsets_ += sizeof...(C);
    values_ += sizeof...(C) * 4 * N;
  }

  // Lanes beyond N hold what the values behind make of it, and are not used.
  template <int... Q>
  static UBP_ALWAYS_INLINE void AddBlock(const uint8_t* quad, const int8_t* values,
                                         Sums (&sums)[kParts], Indices<Q...>) {
    ((sums[Q] = (Sums)Simd::DotFour(quad, values + Q * 4 * kLanes, sums[Q])), ...);
  }

  template <int... Q>
  UBP_ALWAYS_INLINE void AddPartials(const Sums (&partial)[kChains][kParts], Indices<Q...>) {
    ((row_[Q] += (partial[0][Q] + partial[1][Q]) + (partial[2][Q] + partial[3][Q])), ...);
  }

  // Lane P mod 4 of `to` from `from`.
  template <int P>
  static UBP_ALWAYS_INLINE void SetLane(const Sums& from, Sums* to) {
    constexpr int L = P % kLanes;
    *to = __builtin_shufflevector(*to, from, L == 0 ? 4 : 0, L == 1 ? 5 : 1, L == 2 ? 6 : 2,
                                  L == 3 ? 7 : 3);
  }

  // Requantizes up to 4 channels from `first` of the group on.
  UBP_ALWAYS_INLINE void Store(const Sums& sums, int first) const {
    const Requantization& r = args_.requantization;
    const Floats scale = Load<Floats>(scale_ + first);
    const Floats least = Floats{} + static_cast<float>(r.min - r.zero_point);
    const Floats most = Floats{} + static_cast<float>(r.max - r.zero_point);
    const Floats scaled = __builtin_convertvector(sums, Floats) * scale;
    const Floats raised = scaled > least ? scaled : least;
    const Floats clamped = raised < most ? raised : most;
    // Added and subtracted: rounds such small numbers to integers, ties to even.
    const Floats shift = Floats{} + 0x1.8p23f;
    const Sums rounded =
        __builtin_convertvector((clamped + shift) - shift, Sums) + args_.requantization.zero_point;
    for (int i = 0; i < (N < kLanes ? N : kLanes); ++i) {
      output_[first + i] = static_cast<uint8_t>(rounded[i]);
    }
  }

  template <class Vec, class Element>
  static UBP_ALWAYS_INLINE Vec Load(const Element* p) {
    Vec v;
    __builtin_memcpy(&v, p, sizeof(v));
    return v;
  }

  const QuadPixelArgs& args_;
  const int32_t* counts_;
  const int32_t* offsets_;
  const int8_t* values_;
  const int32_t* bias_;  // of the next group
  const float* scale_;   // of this one
  uint8_t* output_;
  Sums row_[kParts];
};

}  // namespace
}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_KERNELS_INT8_PIXEL_H_
