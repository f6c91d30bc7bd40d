// SPDX-License-Identifier: Apache-2.0
// The pooling kernels: maximum and average over windows of any size, at a cost per pixel that hardly
// depends on it; `Simd` as in simd.h.
//
// A window is reduced along its columns first, then along its row:
//
//   1. reduced[x] = the window's rows at column x, as one. Where windows share many rows, rows are
//      taken in blocks of kernel_h: a window is the end of one block and the beginning of the next,
//
//        block:        |  0  1  2  3  |  4  5  6  7  |      kernel_h = 4
//        window of 2:        [2  3  +    4  5]
//
//      so each row is reduced twice, once from its block's end upwards and once downwards. Nothing is
//      ever subtracted: that would lose digits, and one infinity would spread to all that follow.
//   2. Where kernel_w and stride_w are even, neighbours become one (halving), and it is a window half
//      as wide.
//   3. The window's width w grows from 1 to its own by its binary digits, for all places at once:
//        of width 2w      wide[x] = narrow[x] + narrow[x + w]
//        of width 2w + 1  wide[x] = narrow[x] + narrow[x + w] + reduced[x + 2w]
//   4. The last step of 3 for every stride_w-th place, which is scaled, clamped and written.
//
// Steps 2 and 3 run over the rows of several channels as if they were one: rows may be short.
#ifndef UBP_DELEGATE_CPU_KERNELS_POOL_H_
#define UBP_DELEGATE_CPU_KERNELS_POOL_H_

#include <cstddef>
#include <cstdint>

#include "delegate/cpu/kernels/pool_args.h"
#include "delegate/cpu/kernels/simd.h"

namespace ubp {
namespace {

template <class Simd>
class Pool {
 public:
  static void Max(const PoolArgs& args) { Run<Maximum>(args); }
  static void Average(const PoolArgs& args) { Run<ScaledSum>(args); }

 private:
  using Vec = typename Simd::Vec;

  // Apply(pixels, result): with `result` never NaN, neither is a maximum.
  struct Maximum {
    static constexpr float kStart = -__FLT_MAX__;
    static UBP_ALWAYS_INLINE Vec Apply(Vec pixels, Vec result) { return Simd::Max(pixels, result); }
    static UBP_ALWAYS_INLINE float Apply(float pixel, float result) {
      return pixel > result ? pixel : result;
    }
    template <class Value>
    static UBP_ALWAYS_INLINE Value Finish(const float*, Value result) {
      return result;
    }
  };

  struct ScaledSum {
    static constexpr float kStart = 0.0f;
    static UBP_ALWAYS_INLINE Vec Apply(Vec pixels, Vec result) { return Simd::Add(pixels, result); }
    static UBP_ALWAYS_INLINE float Apply(float pixel, float result) { return pixel + result; }
    static UBP_ALWAYS_INLINE Vec Finish(const float* scale, Vec result) {
      return result * Simd::Load(scale);
    }
    static UBP_ALWAYS_INLINE float Finish(const float* scale, float result) {
      return result * *scale;
    }
  };

  // What each place of a row is made of: the sum or maximum of the first `count`.
  struct Terms {
    const float* at[3];
    int count;
  };

  // By value: what is stored cannot change them.
  template <class Reduction>
  static UBP_ALWAYS_INLINE void Run(const PoolArgs args) {
    for (int c = 0; c < args.channels; c += args.block_channels) {
      const int channels = Least(args.channels - c, args.block_channels);
      for (int y = args.first_row; y < args.end_row; y += args.block_rows) {
        RunBlock<Reduction>(args, {c, channels, y, Least(args.end_row, y + args.block_rows)});
      }
    }
  }

  // Rows [begin, end) of some channels.
  struct Block {
    int first_channel, channels;
    int begin, end;
    UBP_ALWAYS_INLINE int rows() const { return end - begin; }
  };

  template <class Reduction>
  static void RunBlock(const PoolArgs& args, const Block& block) {
    const ptrdiff_t rows = ptrdiff_t{block.channels} * block.rows();
    for (int c = 0; c < block.channels; ++c) {
      const float* const input = args.input + (block.first_channel + c) * args.input_plane;
      float* const reduced = args.reduced + ptrdiff_t{c} * block.rows() * args.reduced_pitch;
      ReduceRows<Reduction>(args, input, block.begin, block.end, reduced + args.pad_left);
    }
    FillPadding<Reduction>(args, rows);
    ptrdiff_t pitch = args.reduced_pitch;
    ptrdiff_t places = rows * pitch + args.beyond;
    for (int i = 0; i < args.halvings; ++i) {
      pitch /= 2;
      places = (places + 1) / 2;
      Halve<Reduction>(args.reduced, places);
    }
    Write<Reduction>(args, block, Widen<Reduction>(args, places), pitch);
  }

  // Step 1.
  template <class Reduction>
  static void ReduceRows(const PoolArgs& args, const float* input, int begin, int end,
                         float* reduced) {
    if (!args.flat) return ReduceRange<Reduction>(args, input, begin, end, args.columns, reduced);
    // Windows that do not leave the image read their rows at the same distances.
    const int first = Least(end, Most(begin, args.pad_top));
    const int last = Most(first, Least(end, args.height - args.kernel_h + args.pad_top + 1));
    const ptrdiff_t pitch = args.reduced_pitch;
    ReduceRange<Reduction>(args, input, begin, first, args.columns, reduced);
    reduced += (first - begin) * pitch;
    if (first < last) {
      const ptrdiff_t columns = (last - first - 1) * pitch + args.columns;
      ReduceRange<Reduction>(args, input, first, first + 1, columns, reduced);
    }
    reduced += (last - first) * pitch;
    ReduceRange<Reduction>(args, input, last, end, args.columns, reduced);
  }

  // `columns` columns of rows [begin, end).
  template <class Reduction>
  static void ReduceRange(const PoolArgs& args, const float* input, int begin, int end,
                          ptrdiff_t columns, float* reduced) {
    constexpr ptrdiff_t kTogether = kPoolVectors * Simd::kWidth;
    ptrdiff_t x = 0;
    for (; x + kTogether <= columns; x += kTogether) {
      ReduceColumns<Reduction>(args, input + x, begin, end, reduced + x,
                               IndicesUpTo<kPoolVectors>());
    }
    for (; x < columns; x += Simd::kWidth) {
      // The last vector ends with the row, if a row has that many columns: rows are written in any
      // order then. Of shorter ones the next overwrites what is written beyond.
      const bool inside = x + Simd::kWidth <= columns || columns < Simd::kWidth;
      const ptrdiff_t first = inside ? x : columns - Simd::kWidth;
      ReduceColumns<Reduction>(args, input + first, begin, end, reduced + first, IndicesUpTo<1>());
    }
  }

  template <class Reduction, int... I>
  static UBP_ALWAYS_INLINE void ReduceColumns(const PoolArgs& args, const float* input, int begin,
                                              int end, float* reduced, Indices<I...> indices) {
    if (args.by_blocks) {
      ReduceByBlocks<Reduction>(args, input, begin, end, reduced, indices);
    } else {
      ReduceOneByOne<Reduction>(args, input, begin, end, reduced, indices);
    }
  }

  template <class Reduction, int... I>
  static UBP_ALWAYS_INLINE void ReduceOneByOne(const PoolArgs& args, const float* input, int begin,
                                               int end, float* reduced, Indices<I...>) {
    for (int y = begin; y < end; ++y, reduced += args.reduced_pitch) {
      const ptrdiff_t top = ptrdiff_t{y} * args.stride_h - args.pad_top;
      const Vec start = StartOf<Reduction>(args, top);
      Vec result[] = {(static_cast<void>(I), start)...};
      const ptrdiff_t bottom = Least(top + args.kernel_h, ptrdiff_t{args.height});
      const float* row = input + Most(top, ptrdiff_t{0}) * args.input_pitch;
      for (ptrdiff_t r = Most(top, ptrdiff_t{0}); r < bottom; ++r, row += args.input_pitch) {
        ((result[I] = Reduction::Apply(Simd::Load(row + I * Simd::kWidth), result[I])), ...);
      }
      (Simd::Store(reduced + I * Simd::kWidth, result[I]), ...);
    }
  }

  template <class Reduction, int... I>
  static UBP_ALWAYS_INLINE void ReduceByBlocks(const PoolArgs& args, const float* input, int begin,
                                               int end, float* reduced, Indices<I...>) {
    constexpr int kSuffix = kPoolVectors * Simd::kWidth;  // floats of one row of block_suffix
    const Vec start = Simd::Broadcast(Reduction::kStart);
    const ptrdiff_t height = args.height;
    for (int y = begin; y < end;) {
      ptrdiff_t top = ptrdiff_t{y} * args.stride_h - args.pad_top;
      // The block that the window starts in; block 0 begins with the image.
      const ptrdiff_t block = (top >= 0 ? top : top - (args.kernel_h - 1)) / args.kernel_h;
      const ptrdiff_t block_begin = block * args.kernel_h;
      const ptrdiff_t block_end = block_begin + args.kernel_h;
      Vec suffix[] = {(static_cast<void>(I), start)...};
      for (ptrdiff_t r = Least(block_end, height) - 1; r >= Most(top, ptrdiff_t{0}); --r) {
        const float* const row = input + r * args.input_pitch;
        float* const out = args.block_suffix + (r - block_begin) * kSuffix;
        ((suffix[I] = Reduction::Apply(Simd::Load(row + I * Simd::kWidth), suffix[I])), ...);
        (Simd::Store(out + I * Simd::kWidth, suffix[I]), ...);
      }
      Vec prefix[] = {(static_cast<void>(I), start)...};
      ptrdiff_t r = Most(block_end, ptrdiff_t{0});
      for (; y < end && top < block_end; ++y, reduced += args.reduced_pitch) {
        for (; r < Least(top + args.kernel_h, height); ++r) {
          const float* const row = input + r * args.input_pitch;
          ((prefix[I] = Reduction::Apply(Simd::Load(row + I * Simd::kWidth), prefix[I])), ...);
        }
        const Vec outside = StartOf<Reduction>(args, top);
        Vec result[] = {Reduction::Apply(prefix[I], outside)...};
        if (top >= 0 && top < height) {
          const float* const in = args.block_suffix + (top - block_begin) * kSuffix;
          ((result[I] = Reduction::Apply(Simd::Load(in + I * Simd::kWidth), result[I])), ...);
        }
        (Simd::Store(reduced + I * Simd::kWidth, result[I]), ...);
        top += args.stride_h;
      }
    }
  }

  // What the rows of a window beside the image count as.
  template <class Reduction>
  static UBP_ALWAYS_INLINE Vec StartOf(const PoolArgs& args, ptrdiff_t top) {
    const bool inside = top >= 0 && top + args.kernel_h <= args.height;
    return Simd::Broadcast(inside || !args.zeros_count ? Reduction::kStart : 0.0f);
  }

  // Of `rows` reduced rows, and what the last one has on the right.
  template <class Reduction>
  static void FillPadding(const PoolArgs& args, ptrdiff_t rows) {
    const float padding = args.zeros_count ? 0.0f : Reduction::kStart;
    float* row = args.reduced;
    for (; rows > 0; --rows, row += args.reduced_pitch) {
      Fill(row, row + args.pad_left, padding);
      Fill(row + args.pad_left + args.columns, row + args.reduced_pitch, padding);
    }
    Fill(row, row + args.beyond, padding);
  }

  static UBP_ALWAYS_INLINE void Fill(float* begin, float* end, float value) {
    for (; begin < end; ++begin) *begin = value;
  }

  // Step 2, of `count` pairs in place.
  template <class Reduction>
  static void Halve(float* values, ptrdiff_t count) {
    for (ptrdiff_t i = 0; i < count; i += Simd::kWidth) {
      Vec even, odd;
      Simd::LoadPairs(values + 2 * i, &even, &odd);
      Simd::Store(values + i, Reduction::Apply(odd, even));
    }
  }

  // Step 3, of `count` places, up to the last of its steps, which is part of writing.
  template <class Reduction>
  static Terms Widen(const PoolArgs& args, ptrdiff_t count) {
    const int kernel = args.kernel_w >> args.halvings;
    Terms terms = {{args.reduced, nullptr, nullptr}, 1};
    int digit = 0;
    while (kernel >> digit > 1) ++digit;
    for (int width = 1; digit > 0; width = kernel >> digit) {
      if (width > 1) {
        if (terms.count == 3) {
          Combine<Reduction, 3>(terms, count, args.combined);
        } else {
          Combine<Reduction, 2>(terms, count, args.combined);
        }
        terms.at[0] = args.combined;
      }
      --digit;
      terms.at[1] = terms.at[0] + width;
      terms.at[2] = args.reduced + 2 * width;
      terms.count = (kernel >> digit) % 2 != 0 ? 3 : 2;
    }
    return terms;
  }

  template <class Reduction, int kTerms>
  static void Combine(const Terms& terms, ptrdiff_t count, float* to) {
    for (ptrdiff_t i = 0; i < count; i += Simd::kWidth) {
      Simd::Store(to + i, Sum<Reduction, kTerms, 1>(terms, i));
    }
  }

  // A vector of what terms make, of every kStride-th place from `first` on.
  template <class Reduction, int kTerms, int kStride>
  static UBP_ALWAYS_INLINE Vec Sum(const Terms& terms, ptrdiff_t first) {
    Vec result = Places<kStride>(terms.at[0] + first);
    if constexpr (kTerms > 1) {
      result = Reduction::Apply(Places<kStride>(terms.at[1] + first), result);
    }
    if constexpr (kTerms > 2) {
      result = Reduction::Apply(Places<kStride>(terms.at[2] + first), result);
    }
    return result;
  }

  template <int kStride>
  static UBP_ALWAYS_INLINE Vec Places(const float* p) {
    if constexpr (kStride == 2) return Simd::LoadEven(p);
    return Simd::Load(p);
  }

  // Step 4.
  template <class Reduction>
  static void Write(const PoolArgs& args, const Block& block, const Terms& terms, ptrdiff_t pitch) {
    switch (terms.count) {
      case 1:
        return WriteTerms<Reduction, 1>(args, block, terms, pitch);
      case 2:
        return WriteTerms<Reduction, 2>(args, block, terms, pitch);
      default:
        return WriteTerms<Reduction, 3>(args, block, terms, pitch);
    }
  }

  template <class Reduction, int kTerms>
  static UBP_ALWAYS_INLINE void WriteTerms(const PoolArgs& args, const Block& block,
                                           const Terms& terms, ptrdiff_t pitch) {
    // One window to a row is at its beginning, whatever the stride.
    const int stride = args.width == 1 ? 1 : args.stride_w >> args.halvings;
    const int rows = args.flat ? 1 : block.rows();
    const ptrdiff_t pixels = args.flat ? (block.rows() - 1) * pitch + args.width : args.width;
    for (int c = 0; c < block.channels; ++c) {
      for (int y = 0; y < rows; ++y) {
        const ptrdiff_t pixel = (block.begin - args.first_row + y) * args.output_pitch;
        const ptrdiff_t place = (ptrdiff_t{c} * block.rows() + y) * pitch;
        float* const row = args.output + (block.first_channel + c) * args.output_plane + pixel;
        if (stride == 1) {
          WriteVectors<Reduction, kTerms, 1>(args, terms, place, pixel, pixels, row);
        } else if (stride == 2) {
          WriteVectors<Reduction, kTerms, 2>(args, terms, place, pixel, pixels, row);
        } else {
          WritePixels<Reduction, kTerms>(args, terms, place, stride, pixel, row);
        }
      }
    }
  }

  // A row of pixels, of which the first is made of place `place` and has the number `pixel` in the
  // mask and the scales.
  template <class Reduction, int kTerms, int kStride>
  static UBP_ALWAYS_INLINE void WriteVectors(const PoolArgs& args, const Terms& terms,
                                             ptrdiff_t place, ptrdiff_t pixel, ptrdiff_t pixels,
                                             float* row) {
    const Vec min = Simd::Broadcast(args.min);
    const Vec max = Simd::Broadcast(args.max);
    const auto write = [&](ptrdiff_t x) {
      const Vec result = Reduction::Finish(
          args.scale + pixel + x, Sum<Reduction, kTerms, kStride>(terms, place + x * kStride));
      Simd::Store(row + x, Simd::Clamp(result, min, max, Simd::LoadMask(args.mask + pixel + x)));
    };
    ptrdiff_t x = 0;
    for (; x + Simd::kWidth <= pixels; x += Simd::kWidth) write(x);
    if (x < pixels) write(args.exact ? pixels - Simd::kWidth : x);
  }

  // Likewise, for larger strides.
  template <class Reduction, int kTerms>
  static UBP_ALWAYS_INLINE void WritePixels(const PoolArgs& args, const Terms& terms,
                                            ptrdiff_t place, int stride, ptrdiff_t pixel,
                                            float* row) {
    for (int x = 0; x < args.width; ++x, place += stride) {
      float result = terms.at[0][place];
      if constexpr (kTerms > 1) result = Reduction::Apply(terms.at[1][place], result);
      if constexpr (kTerms > 2) result = Reduction::Apply(terms.at[2][place], result);
      result = Reduction::Finish(args.scale + pixel + x, result);
      const float raised = result < args.min ? args.min : result;
      row[x] = raised > args.max ? args.max : raised;
    }
  }

  template <class Number>
  static UBP_ALWAYS_INLINE Number Least(Number a, Number b) {
    return a < b ? a : b;
  }
  template <class Number>
  static UBP_ALWAYS_INLINE Number Most(Number a, Number b) {
    return a > b ? a : b;
  }
};

}  // namespace
}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_KERNELS_POOL_H_
