// SPDX-License-Identifier: Apache-2.0
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
#ifndef UBP_DELEGATE_CPU_KERNELS_WROS_H_
#define UBP_DELEGATE_CPU_KERNELS_WROS_H_

#include <cstddef>
#include <cstdint>

#include "delegate/cpu/kernels/simd.h"
#include "delegate/cpu/kernels/wros_args.h"
#include "delegate/cpu/kernels/wros_blocks.h"

namespace ubp {
namespace {

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

#endif  // UBP_DELEGATE_CPU_KERNELS_WROS_H_
