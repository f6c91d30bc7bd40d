// The window kernels (depthwise convolution, maximum pooling) over one channel plane; `Simd` as in
// wros.h. Pixels are taken kUnroll vectors at a time, so that a tap's weight is loaded once for
// them and their accumulators hide the latency of the multiply-add.
#ifndef UBP_DELEGATE_CPU_WINDOW_H_
#define UBP_DELEGATE_CPU_WINDOW_H_

#include <cstddef>

#include "delegate/cpu/window_args.h"
#include "delegate/cpu/wros.h"

namespace ubp {
namespace {

template <class Simd>
class Window {
 public:
  static void Sum(const WindowArgs& args) {
    if (IsThreeByThree(args)) {
      RunRows<ThreeByThree, 1>(args);
    } else if (args.num_taps == 9) {
      RunStride<WeightedSum<9>>(args);
    } else if (args.num_taps == 25) {
      RunStride<WeightedSum<25>>(args);
    } else {
      RunStride<WeightedSum<0>>(args);
    }
  }

  static void Max(const WindowArgs& args) { RunStride<Maximum>(args); }

 private:
  using Vec = typename Simd::Vec;
  static constexpr int kUnroll = 6;

  template <int kStride>
  static UBP_ALWAYS_INLINE Vec LoadPixels(const float* tap, int vector) {
    const float* const first = tap + vector * kStride * Simd::kWidth;
    if constexpr (kStride == 2) return Simd::LoadEven(first);
    return Simd::Load(first);
  }

  // kTaps: the number of taps where it is known when compiling, else 0.
  template <int kTaps>
  struct WeightedSum {
    template <int kStride, int... I>
    static UBP_ALWAYS_INLINE void Compute(const WindowArgs& args, const float* input,
                                          Vec (&sum)[sizeof...(I)], Indices<I...>) {
      const Vec bias = Simd::Broadcast(args.bias);
      ((sum[I] = bias), ...);
      const int taps = kTaps > 0 ? kTaps : args.num_taps;
      for (int t = 0; t < taps; ++t) {
        const Vec weight = Simd::Broadcast(args.weights[t]);
        const float* const tap = input + args.taps[t];
        ((sum[I] = Simd::MultiplyAdd(LoadPixels<kStride>(tap, I), weight, sum[I])), ...);
      }
    }
  };

  static bool IsThreeByThree(const WindowArgs& args) {
    const int32_t* const t = args.taps;
    return args.num_taps == 9 && args.stride == 1 && t[1] == t[0] + 1 && t[2] == t[0] + 2 &&
           t[4] == t[3] + 1 && t[5] == t[3] + 2 && t[7] == t[6] + 1 && t[8] == t[6] + 2;
  }

  // 3x3 without dilation: three neighbouring taps share their loads, which mostly cross cache
  // lines; the second and third are shifted together.
  struct ThreeByThree {
    template <int kStride, int... I>
    static UBP_ALWAYS_INLINE void Compute(const WindowArgs& args, const float* input,
                                          Vec (&sum)[sizeof...(I)], Indices<I...>) {
      const Vec bias = Simd::Broadcast(args.bias);
      ((sum[I] = bias), ...);
      for (int t = 0; t < 9; t += 3) {
        const Vec weights[3] = {Simd::Broadcast(args.weights[t]),
                                Simd::Broadcast(args.weights[t + 1]),
                                Simd::Broadcast(args.weights[t + 2])};
        const float* const row = input + args.taps[t];
        const Vec pixels[] = {Simd::Load(row + I * Simd::kWidth)...,
                              Simd::Load(row + sizeof...(I) * Simd::kWidth)};
        ((sum[I] = AddThree(pixels[I], pixels[I + 1], weights, sum[I])), ...);
      }
    }

    static UBP_ALWAYS_INLINE Vec AddThree(Vec here, Vec next, const Vec (&weights)[3], Vec sum) {
      sum = Simd::MultiplyAdd(here, weights[0], sum);
      sum = Simd::MultiplyAdd(Simd::template Shift<1>(here, next), weights[1], sum);
      return Simd::MultiplyAdd(Simd::template Shift<2>(here, next), weights[2], sum);
    }
  };

  struct Maximum {
    template <int kStride, int... I>
    static UBP_ALWAYS_INLINE void Compute(const WindowArgs& args, const float* input,
                                          Vec (&best)[sizeof...(I)], Indices<I...>) {
      ((best[I] = LoadPixels<kStride>(input + args.taps[0], I)), ...);
      for (int t = 1; t < args.num_taps; ++t) {
        const float* const tap = input + args.taps[t];
        ((best[I] = Simd::Max(LoadPixels<kStride>(tap, I), best[I])), ...);
      }
    }
  };

  template <class Operation>
  static UBP_ALWAYS_INLINE void RunStride(const WindowArgs& args) {
    if (args.stride == 2) {
      RunRows<Operation, 2>(args);
    } else {
      RunRows<Operation, 1>(args);
    }
  }

  template <class Operation, int kStride>
  static UBP_ALWAYS_INLINE void RunRows(const WindowArgs& args) {
    for (int y = 0; y < args.rows; ++y) {
      int v = 0;
      for (; v + kUnroll <= args.vectors; v += kUnroll) {
        RunVectors<Operation, kStride>(args, y, v, IndicesUpTo<kUnroll>());
      }
      RunRest<Operation, kStride>(args, y, v);
    }
  }

  // The last vectors of a row, fewer than kUnroll.
  template <class Operation, int kStride>
  static UBP_ALWAYS_INLINE void RunRest(const WindowArgs& args, int y, int v) {
    switch (args.vectors - v) {
      case 5:
        return RunVectors<Operation, kStride>(args, y, v, IndicesUpTo<5>());
      case 4:
        return RunVectors<Operation, kStride>(args, y, v, IndicesUpTo<4>());
      case 3:
        return RunVectors<Operation, kStride>(args, y, v, IndicesUpTo<3>());
      case 2:
        return RunVectors<Operation, kStride>(args, y, v, IndicesUpTo<2>());
      case 1:
        return RunVectors<Operation, kStride>(args, y, v, IndicesUpTo<1>());
    }
  }

  template <class Operation, int kStride, int... I>
  static UBP_ALWAYS_INLINE void RunVectors(const WindowArgs& args, int y, int v,
                                           Indices<I...> indices) {
    const ptrdiff_t x = ptrdiff_t{v} * Simd::kWidth;
    const Vec min = Simd::Broadcast(args.min);
    const Vec max = Simd::Broadcast(args.max);
    Vec result[sizeof...(I)];
    Operation::template Compute<kStride>(args, args.input + y * args.input_pitch + x * kStride,
                                         result, indices);
    const ptrdiff_t first = y * args.output_pitch + x;
    (Simd::Store(args.output + first + I * Simd::kWidth,
                 Simd::And(Simd::Clamp(result[I], min, max), args.mask + first + I * Simd::kWidth)),
     ...);
  }
};

}  // namespace
}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_WINDOW_H_
