// SPDX-License-Identifier: Apache-2.0
// The window kernels (depthwise convolution, maximum and average pooling) over channel planes;
// `Simd` as in simd.h.
//
// Several vectors of pixels are computed at once: so a tap's weight is loaded once for them, and
// their accumulators hide the latency of the multiply-add. Most loads cross a cache line, and are
// the limit; so taps that are neighbours in a row of the window share theirs:
//
//   stride 1   one load serves all taps of a row (square_window.h)
//   stride 2   two loads hold what the first two taps of a row read, the even and the odd pixels; the
//              next two read the same, shifted by one
#ifndef UBP_DELEGATE_CPU_KERNELS_WINDOW_H_
#define UBP_DELEGATE_CPU_KERNELS_WINDOW_H_

#include <cstddef>

#include "delegate/cpu/kernels/simd.h"
#include "delegate/cpu/kernels/square_window.h"
#include "delegate/cpu/kernels/window_args.h"
#include "delegate/cpu/kernels/window_reductions.h"

namespace ubp {
namespace {

template <class Simd>
class Window {
 public:
  // By value: what is stored cannot change them.
  static void Sum(const WindowArgs& args) { RunPattern<WeightedSum<Simd>>(WindowArgs(args)); }
  static void Max(const WindowArgs& args) { RunPattern<Maximum<Simd>>(WindowArgs(args)); }
  static void Average(const WindowArgs& args) { RunPattern<ScaledSum<Simd>>(WindowArgs(args)); }

 private:
  using Vec = typename Simd::Vec;
  static constexpr int kUnroll = Simd::kWindowVectors;

  // Where one vector of pixels is: `input` is what tap 0 would read if its distance were 0.
  struct Position {
    const float* input;
    ptrdiff_t output;  // floats from the channel's first pixel
  };

  // The patterns: how a window's taps are read for vectors at several positions.

  template <int kStride>
  struct AnyTaps {
    static constexpr int kAtOnce = kUnroll;

    template <class Reduction, int... I>
    static UBP_ALWAYS_INLINE void Accumulate(const WindowArgs& args, int channel,
                                             const Position* at, Vec* result, Indices<I...>) {
      for (int t = 0; t < args.num_taps; ++t) {
        const Vec weight = Reduction::Weight(args, channel, t);
        ((result[I] = Reduction::Add(LoadPixels(at[I].input + args.taps[t]), weight, result[I])),
         ...);
      }
    }

    static UBP_ALWAYS_INLINE Vec LoadPixels(const float* tap) {
      if constexpr (kStride == 2) return Simd::LoadEven(tap);
      return Simd::Load(tap);
    }
  };

  // K x K taps without dilation, stride 2.
  template <int K>
  struct StridedSquare {
    // Of many taps so few vectors that registers hold all that is read.
    static constexpr int kAtOnce = K < 5 ? kUnroll : (kUnroll + 1) / 2;

    template <class Reduction, int... I>
    static UBP_ALWAYS_INLINE void Accumulate(const WindowArgs& args, int channel,
                                             const Position* at, Vec* result,
                                             Indices<I...> vectors) {
      AddRows<Reduction>(args, channel, at, result, vectors, IndicesUpTo<K>());
    }

   private:
    template <class Reduction, class Vectors, int... Y>
    static UBP_ALWAYS_INLINE void AddRows(const WindowArgs& args, int channel, const Position* at,
                                          Vec* result, Vectors vectors, Indices<Y...>) {
      (AddRow<Reduction, Y * K>(args, channel, at, result, vectors, IndicesUpTo<K>()), ...);
    }

    template <class Reduction, int Tap, int... I, int... X>
    static UBP_ALWAYS_INLINE void AddRow(const WindowArgs& args, int channel, const Position* at,
                                         Vec* result, Indices<I...>, Indices<X...>) {
      const Vec weights[] = {Reduction::Weight(args, channel, Tap + X)...};
      const ptrdiff_t tap = args.taps[Tap];
      ((result[I] = AddTaps<Reduction>(at[I].input + tap, weights, result[I])), ...);
    }

    template <class Reduction>
    static UBP_ALWAYS_INLINE Vec AddTaps(const float* tap, const Vec (&weights)[K], Vec result) {
      Vec even, odd;
      Simd::LoadPairs(tap, &even, &odd);
      return AddPairs<Reduction, 0>(tap + 2 * Simd::kWidth, even, odd, weights, result);
    }

    // Taps X and X + 1, and those behind them; `next`: the pixel behind those of the vectors.
    template <class Reduction, int X>
    static UBP_ALWAYS_INLINE Vec AddPairs(const float* next, Vec even, Vec odd,
                                          const Vec (&weights)[K], Vec result) {
      result = Reduction::Add(even, weights[X], result);
      if constexpr (X + 1 < K) result = Reduction::Add(odd, weights[X + 1], result);
      if constexpr (X + 2 < K) {
        even = Simd::template Shift<1>(even, Simd::Broadcast(next[0]));
        if constexpr (X + 3 < K) odd = Simd::template Shift<1>(odd, Simd::Broadcast(next[1]));
        return AddPairs<Reduction, X + 2>(next + 2, even, odd, weights, result);
      }
      return result;
    }
  };

  // Whether the taps are those of a K x K window without dilation.
  template <int K>
  static bool IsSquare(const WindowArgs& args) {
    if (args.num_taps != K * K) return false;
    for (int t = 0; t < K * K; ++t) {
      if (args.taps[t] != args.taps[t - t % K] + t % K) return false;
    }
    return true;
  }

  template <class Reduction>
  static UBP_ALWAYS_INLINE void RunPattern(const WindowArgs args) {
    if (args.stride == 2) {
      if (IsSquare<2>(args)) return RunAcrossRows<StridedSquare<2>, Reduction>(args);
      if (IsSquare<3>(args)) return RunAcrossRows<StridedSquare<3>, Reduction>(args);
      if (IsSquare<5>(args)) return RunAcrossRows<StridedSquare<5>, Reduction>(args);
      return RunAcrossRows<AnyTaps<2>, Reduction>(args);
    }
    if (IsSquare<3>(args)) return SquareWindow<Simd, Reduction, 3>::Run(args);
    if (IsSquare<5>(args)) return SquareWindow<Simd, Reduction, 5>::Run(args);
    return RunAcrossRows<AnyTaps<1>, Reduction>(args);
  }

  // All vectors of a channel, whatever row they are in: rows may be short.
  template <class Pattern, class Reduction>
  static UBP_ALWAYS_INLINE void RunAcrossRows(const WindowArgs& args) {
    const int vectors = args.rows * (args.vectors + (args.last >= 0 ? 1 : 0));
    for (int c = 0; c < args.channels; ++c) {
      Cursor cursor(args, c, 0);
      int left = vectors;
      constexpr int kAtOnce = Pattern::kAtOnce;
      for (; left >= kAtOnce; left -= kAtOnce) RunVectors<Pattern, Reduction, kAtOnce>(&cursor);
      RunFew<Pattern, Reduction>(&cursor, left);
    }
  }

  // The position of one vector after the other.
  class Cursor {
   public:
    UBP_ALWAYS_INLINE Cursor(const WindowArgs& args, int channel, int y)
        : args(args),
          channel(channel),
          input_(args.input + channel * args.input_plane + y * args.input_pitch),
          output_(y * args.output_pitch) {}

    UBP_ALWAYS_INLINE Position Next() {
      const bool is_last = vector_ == args.vectors;
      const ptrdiff_t x = is_last ? args.last : ptrdiff_t{vector_} * Simd::kWidth;
      const Position here = {input_ + x * args.stride, output_ + x};
      ++vector_;
      if (vector_ == args.vectors + (args.last >= 0 ? 1 : 0)) {
        vector_ = 0;
        input_ += args.input_pitch;
        output_ += args.output_pitch;
      }
      return here;
    }

    const WindowArgs& args;
    const int channel;

   private:
    const float* input_;  // of the row
    ptrdiff_t output_;    // of the row
    int vector_ = 0;
  };

  // The last vectors, fewer than there are at once.
  template <class Pattern, class Reduction>
  static UBP_ALWAYS_INLINE void RunFew(Cursor* cursor, int vectors) {
    switch (vectors) {
      case 5:
        return RunIfFew<Pattern, Reduction, 5>(cursor);
      case 4:
        return RunIfFew<Pattern, Reduction, 4>(cursor);
      case 3:
        return RunIfFew<Pattern, Reduction, 3>(cursor);
      case 2:
        return RunIfFew<Pattern, Reduction, 2>(cursor);
      case 1:
        return RunIfFew<Pattern, Reduction, 1>(cursor);
    }
  }

  template <class Pattern, class Reduction, int V>
  static UBP_ALWAYS_INLINE void RunIfFew(Cursor* cursor) {
    if constexpr (V < Pattern::kAtOnce) RunVectors<Pattern, Reduction, V>(cursor);
  }

  template <class Pattern, class Reduction, int V>
  static UBP_ALWAYS_INLINE void RunVectors(Cursor* cursor) {
    RunVectors<Pattern, Reduction>(cursor, IndicesUpTo<V>());
  }

  template <class Pattern, class Reduction, int... I>
  static UBP_ALWAYS_INLINE void RunVectors(Cursor* cursor, Indices<I...> indices) {
    const WindowArgs& args = cursor->args;
    const Position at[] = {(static_cast<void>(I), cursor->Next())...};
    const Vec start = Reduction::Start(args, cursor->channel);
    Vec result[] = {(static_cast<void>(I), start)...};
    Pattern::template Accumulate<Reduction>(args, cursor->channel, at, result, indices);
    const Vec min = Simd::Broadcast(args.min);
    const Vec max = Simd::Broadcast(args.max);
    float* const output = args.output + cursor->channel * args.output_plane;
    ((result[I] = Reduction::Finish(args, at[I].output, result[I])), ...);
    (Simd::Store(output + at[I].output,
                 Simd::Clamp(result[I], min, max, Simd::LoadMask(args.mask + at[I].output))),
     ...);
  }
};

}  // namespace
}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_KERNELS_WINDOW_H_
