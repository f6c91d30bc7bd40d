// SPDX-License-Identifier: Apache-2.0
// The dataflow of wros.h for int8: blocks of N output channels of one group of 4 lanes, dot products
// of 4 bytes in place of multiply-adds, and requantization in the store.
//
//   row[c mod N] = bias[c]                   for the first N channels
//   for s = 0, 1, ... :
//     for each block that starts at s:       the inner loop: N * V dot products, no shuffle
//       row[j] += weights[j] . input[group]  for j = 0 .. N-1
//     requantize row[s mod N]; where s mod 4 = 3, 4 channels are complete, and stored as quads
//     row[s mod N] = bias[s + N]
#ifndef UBP_DELEGATE_CPU_KERNELS_INT8_WROS_H_
#define UBP_DELEGATE_CPU_KERNELS_INT8_WROS_H_

#include <cstddef>
#include <cstdint>

#include "delegate/cpu/kernels/int8_args.h"
#include "delegate/cpu/kernels/int8_rows.h"
#include "delegate/cpu/kernels/int8_simd.h"

namespace ubp {
namespace {

template <class Rows>
class QuadWros {
 public:
  static void Run(const QuadConvArgs& args) {
    QuadWros wros(args);
    wros.SetRows(IndicesUpTo<N>());
    if (args.channel_begin > 0) wros.WarmUp(IndicesUpTo<N>());
    while (wros.channel_ < args.channel_end) wros.RunGroup(IndicesUpTo<kPhases>());
  }

 private:
  static constexpr int N = Rows::kBlockSize;
  // Channels after which both the rows and the quads begin anew.
  static constexpr int kPhases = N < 4 ? 4 : N;

  explicit UBP_ALWAYS_INLINE QuadWros(const QuadConvArgs& args)
      : rows_(args),
        blocks_{args.input, args.offsets, args.values},
        counts_(args.counts),
        bias_(args.bias),
        scale_(args.scale),
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

  // As Wros::WarmUp: the N - 1 start channels before a range.
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

  // kPhases start channels; with N = 8 only 4 at the end of some ranges.
  template <int... P>
  UBP_ALWAYS_INLINE void RunGroup(Indices<P...>) {
    (RunStart<P>() && ...);
    bias_ += kPhases;
    scale_ += kPhases;
  }

  template <int P>
  UBP_ALWAYS_INLINE bool RunStart() {
    if constexpr (P % 4 == 0) {
      if (channel_ == channel_end_) return false;
    }
    rows_.template PrefetchRow<P % 4>(output_, output_stride_, residual_, residual_stride_);
    rows_.Add(&blocks_, *counts_++);
    rows_.template Requantize<P % N, P % 4>(scale_[P], output_, residual_);
    rows_.template Set<P % N>(bias_[P + N]);
    if constexpr (P % 4 == 3) {
      output_ += output_stride_;
      if (residual_ != nullptr) residual_ += residual_stride_;
      channel_ += 4;
    }
    return true;
  }

  Rows rows_;
  QuadBlocks blocks_;
  const int32_t* counts_;
  const int32_t* bias_;  // of the group's first channel
  const float* scale_;   // likewise
  uint8_t* output_;      // of the next quad
  ptrdiff_t output_stride_;
  const uint8_t* residual_;
  ptrdiff_t residual_stride_;
  int channel_;  // the first of the next quad
  int channel_end_;
};

}  // namespace
}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_KERNELS_INT8_WROS_H_
