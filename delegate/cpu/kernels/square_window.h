// SPDX-License-Identifier: Apache-2.0
// Windows (window.h) of K x K taps without dilation, stride 1; `Simd` as in simd.h, `Reduction` as in
// window_reductions.h.
//
// Each column of the window is summed by itself, over its rows, so that one load serves all taps of a
// row:
//
//   column[x][p]  =  sum over rows y of weight[y][x] * input[y][p]
//   result[p]     =  column[0][p] + column[1][p + 1] + .. + column[K - 1][p + K - 1]
//
// Vectors of a row of pixels come one after the other: a vector's columns are shifted together with
// those of the next one.
#ifndef UBP_DELEGATE_CPU_KERNELS_SQUARE_WINDOW_H_
#define UBP_DELEGATE_CPU_KERNELS_SQUARE_WINDOW_H_

#include <cstddef>

#include "delegate/cpu/kernels/simd.h"
#include "delegate/cpu/kernels/window_args.h"

namespace ubp {
namespace {

template <class Simd, class Reduction, int K>
class SquareWindow {
 public:
  static UBP_ALWAYS_INLINE void Run(const WindowArgs& args) {
    for (int c = 0; c < args.channels; ++c) {
      SquareWindow channel(args, c);
      for (int y = 0; y < args.rows; ++y) channel.RunRow(y);
    }
  }

 private:
  using Vec = typename Simd::Vec;
  // Where one load serves several columns alike, there is but one sum.
  static constexpr int kSums = Reduction::kByColumn ? K : 1;
  // Vectors whose sums registers hold.
  static constexpr int kAtOnce = K == 3 ? (Simd::kWindowVectors + 2) / 3 : 1;
  // So many weights stay in registers; others are loaded for each row of taps.
  static constexpr int kMostHeld = 9;
  static constexpr bool kHoldsWeights = K * kSums <= kMostHeld;
  using Columns = IndicesUpTo<kSums>;

  struct Sums {
    Vec column[kSums];
  };

  UBP_ALWAYS_INLINE SquareWindow(const WindowArgs& args, int channel)
      : args_(args),
        channel_(channel),
        input_(args.input + channel * args.input_plane),
        output_(args.output + channel * args.output_plane),
        start_(Reduction::Start(args, channel)),
        min_(Simd::Broadcast(args.min)),
        max_(Simd::Broadcast(args.max)) {
    for (int t = 0; kHoldsWeights && t < K * kSums; ++t) {
      weights_[t] = Reduction::Weight(args, channel, t);
    }
  }

  UBP_ALWAYS_INLINE void RunRow(int y) {
    const float* const input = input_ + y * args_.input_pitch;
    const ptrdiff_t output = y * args_.output_pitch;
    Sums here = SumsAt(input);
    int v = 0;
    for (; v + kAtOnce <= args_.vectors; v += kAtOnce) {
      RunVectors(input, output, v * Simd::kWidth, &here, IndicesUpTo<kAtOnce>());
    }
    for (; v < args_.vectors; ++v) {
      RunVectors(input, output, v * Simd::kWidth, &here, IndicesUpTo<1>());
    }
    if (args_.last < 0) return;
    here = SumsAt(input + args_.last);
    RunVectors(input, output, args_.last, &here, IndicesUpTo<1>());
  }

  UBP_ALWAYS_INLINE Sums SumsAt(const float* input) const {
    Sums sums[1];
    AddRows(input, sums, Indices<0>(), IndicesUpTo<K>());
    return sums[0];
  }

  // Vectors from pixel x of a row on. `here`: the sums of the first one; then of the one behind.
  template <int... I>
  UBP_ALWAYS_INLINE void RunVectors(const float* input, ptrdiff_t output, ptrdiff_t x, Sums* here,
                                    Indices<I...> vectors) {
    constexpr int kVectors = sizeof...(I);
    Sums next[kVectors];
    AddRows(input + x + Simd::kWidth, next, vectors, IndicesUpTo<K>());
    (Finish(output + x + I * Simd::kWidth,
            Joined(I == 0 ? *here : next[I > 0 ? I - 1 : 0], next[I], IndicesUpTo<K - 1>())),
     ...);
    *here = next[kVectors - 1];
  }

  // The sums of vectors side by side, row of taps by row.
  template <class Vectors, int... Y>
  UBP_ALWAYS_INLINE void AddRows(const float* input, Sums* sums, Vectors vectors,
                                 Indices<Y...>) const {
    (AddRow<Y>(input + args_.taps[Y * K], sums, vectors, Columns()), ...);
  }

  template <int Y, int... I, int... X>
  UBP_ALWAYS_INLINE void AddRow(const float* row, Sums* sums, Indices<I...>,
                                Indices<X...> columns) const {
    const Vec weights[] = {WeightOf(Y * kSums + X)...};
    (AddPixels<Y>(Simd::LoadOnce(row + I * Simd::kWidth), weights, &sums[I], columns), ...);
  }

  template <int Y, int... X>
  UBP_ALWAYS_INLINE void AddPixels(Vec pixels, const Vec (&weights)[kSums], Sums* sums,
                                   Indices<X...>) const {
    if constexpr (Y == 0) {
      ((sums->column[X] =
            X == 0 ? Reduction::Add(pixels, weights[X], start_) : pixels * weights[X]),
       ...);
    } else {
      ((sums->column[X] = Reduction::Add(pixels, weights[X], sums->column[X])), ...);
    }
  }

  UBP_ALWAYS_INLINE Vec WeightOf(int tap) const {
    if constexpr (kHoldsWeights) return weights_[tap];
    return Reduction::Weight(args_, channel_, tap);
  }

  template <int... X>
  static UBP_ALWAYS_INLINE Vec Joined(const Sums& here, const Sums& next, Indices<X...>) {
    Vec result = here.column[0];
    ((result = Reduction::Join(Shifted<X + 1>(here, next), result)), ...);
    return result;
  }

  template <int X>
  static UBP_ALWAYS_INLINE Vec Shifted(const Sums& here, const Sums& next) {
    constexpr int kColumn = X < kSums ? X : 0;
    if constexpr (X == Simd::kWidth) return next.column[kColumn];
    return Simd::template Shift<X % Simd::kWidth>(here.column[kColumn], next.column[kColumn]);
  }

  UBP_ALWAYS_INLINE void Finish(ptrdiff_t pixel, Vec result) const {
    const Vec scaled = Reduction::Finish(args_, pixel, result);
    const auto mask = Simd::LoadMask(args_.mask + pixel);
    Simd::Store(output_ + pixel, Simd::Clamp(scaled, min_, max_, mask));
  }

  const WindowArgs& args_;
  int channel_;
  const float* input_;
  float* output_;
  Vec start_;
  Vec min_;
  Vec max_;
  Vec weights_[kHoldsWeights ? K * kSums : 1];
};

}  // namespace
}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_KERNELS_SQUARE_WINDOW_H_
