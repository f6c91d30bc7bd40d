// SPDX-License-Identifier: Apache-2.0
// Kernels that copy numbers to other places (rearrange_args.h), with vectors of up to `Width` floats.
//
// What is left behind the last whole vector is copied by one more that overlaps the one before.
#ifndef UBP_DELEGATE_CPU_KERNELS_REARRANGE_H_
#define UBP_DELEGATE_CPU_KERNELS_REARRANGE_H_

#include <cstddef>

#include "delegate/cpu/kernels/rearrange_args.h"
#include "delegate/cpu/kernels/simd.h"

namespace ubp {
namespace {

template <int Width>
class Rearrange {
 public:
  static void Transpose(const float* src, ptrdiff_t src_stride, int rows, int cols, float* dst,
                        ptrdiff_t dst_stride) {
    // Columns are taken a cache line at a time: with channels as columns every line of an NHWC
    // tensor is touched once.
    for (int c = 0; c < cols; c += kColumnsPerLine) {
      const int left = cols - c;
      const int width = left < kColumnsPerLine ? left : kColumnsPerLine;
      const Matrix part = {src + c, src_stride, rows, width, dst + c * dst_stride, dst_stride};
      if (width >= kQuad) {
        TransposeRows<Width>(part);
      } else {
        TransposeFewColumns(part);
      }
    }
  }

  static void EveryOther(const float* src, ptrdiff_t src_stride, int rows, int count, float* dst,
                         ptrdiff_t dst_stride) {
    for (int r = 0; r < rows; ++r) {
      CopyEveryOther<Width>(src + r * src_stride, count, dst + r * dst_stride);
    }
  }

 private:
  static constexpr int kQuad = 4;
  static constexpr int kColumnsPerLine = 16;
  template <int W>
  using Vector = typename FloatVector<W>::Type;
  using Quad = Vector<kQuad>;

  struct Matrix {
    const float* src;
    ptrdiff_t src_stride;
    int rows;
    int cols;
    float* dst;
    ptrdiff_t dst_stride;
  };

  template <class V>
  static UBP_ALWAYS_INLINE V Load(const float* p) {
    V v;
    __builtin_memcpy(&v, p, sizeof(v));
    return v;
  }
  template <class V>
  static UBP_ALWAYS_INLINE void Store(float* p, const V& v) {
    __builtin_memcpy(p, &v, sizeof(v));
  }

  // ---- transposition

  // Four columns at a time, of W rows or, where there are fewer, of half as many.
  template <int W>
  static UBP_ALWAYS_INLINE void TransposeRows(const Matrix& m) {
    if constexpr (W < kQuad) {
      TransposeOneByOne(m, 0);
    } else if (m.rows < W) {
      TransposeRows<W / 2>(m);
    } else {
      int r = 0;
      for (; r + W <= m.rows; r += W) TransposeColumns<W>(m, r);
      if (r < m.rows) TransposeColumns<W>(m, m.rows - W);
    }
  }

  template <int W>
  static UBP_ALWAYS_INLINE void TransposeColumns(const Matrix& m, int r) {
    int c = 0;
    for (; c + kQuad <= m.cols; c += kQuad) TransposeQuads<W, kQuad>(m, r, c);
    if (c < m.cols) TransposeQuads<W, kQuad>(m, r, m.cols - kQuad);
  }

  // Fewer columns than four: where nothing is between two rows, they are read with elements of the
  // next one.
  static UBP_ALWAYS_INLINE void TransposeFewColumns(const Matrix& m) {
    int r = 0;
    if (m.src_stride == 3 && m.cols == 3) r = TransposeFew<3>(m);
    if (m.src_stride == 2 && m.cols == 2) r = TransposeFew<2>(m);
    TransposeOneByOne(m, r);
  }

  // Returns the first row that is left.
  template <int kColumns>
  static UBP_ALWAYS_INLINE int TransposeFew(const Matrix& m) {
    int r = 0;
    for (; r + Width < m.rows; r += Width) TransposeQuads<Width, kColumns>(m, r, 0);
    return r;
  }

  static UBP_ALWAYS_INLINE void TransposeOneByOne(const Matrix& m, int first_row) {
    for (int c = 0; c < m.cols; ++c) {
      for (int r = first_row; r < m.rows; ++r) {
        m.dst[c * m.dst_stride + r] = m.src[r * m.src_stride + c];
      }
    }
  }

  // Four elements of W rows; of the columns that this makes, kColumns are written.
  template <int W, int kColumns>
  static UBP_ALWAYS_INLINE void TransposeQuads(const Matrix& m, int row, int column) {
    const float* const src = m.src + row * m.src_stride + column;
    const Vector<W> a = LoadQuads<W>(src, m.src_stride);
    const Vector<W> b = LoadQuads<W>(src + m.src_stride, m.src_stride);
    const Vector<W> c = LoadQuads<W>(src + 2 * m.src_stride, m.src_stride);
    const Vector<W> d = LoadQuads<W>(src + 3 * m.src_stride, m.src_stride);
    const auto lanes = IndicesUpTo<W>();
    const Vector<W> ab_low = MixLow(a, b, lanes);
    const Vector<W> ab_high = MixHigh(a, b, lanes);
    const Vector<W> cd_low = MixLow(c, d, lanes);
    const Vector<W> cd_high = MixHigh(c, d, lanes);
    float* const dst = m.dst + column * m.dst_stride + row;
    Store(dst, FirstHalves(ab_low, cd_low, lanes));
    Store(dst + m.dst_stride, SecondHalves(ab_low, cd_low, lanes));
    if constexpr (kColumns > 2) {
      Store(dst + 2 * m.dst_stride, FirstHalves(ab_high, cd_high, lanes));
    }
    if constexpr (kColumns > 3) {
      Store(dst + 3 * m.dst_stride, SecondHalves(ab_high, cd_high, lanes));
    }
  }

  // Four elements of every fourth row.
  template <int W>
  static UBP_ALWAYS_INLINE Vector<W> LoadQuads(const float* p, ptrdiff_t stride) {
    if constexpr (W == kQuad) {
      return Load<Quad>(p);
    } else {
      return Join(LoadQuads<W / 2>(p, stride), LoadQuads<W / 2>(p + W / 2 * stride, stride),
                  IndicesUpTo<W>());
    }
  }

  template <class Half, int... I>
  static UBP_ALWAYS_INLINE Vector<sizeof...(I)> Join(Half a, Half b, Indices<I...>) {
    return __builtin_shufflevector(a, b, I...);
  }

  // Of each quad of a and b, by turns: the first two elements, or the last two.
  template <class V, int... I>
  static UBP_ALWAYS_INLINE V MixLow(V a, V b, Indices<I...>) {
    constexpr int kWidth = sizeof...(I);
    return __builtin_shufflevector(a, b, (I % 2 * kWidth + I / 4 * 4 + I % 4 / 2)...);
  }
  template <class V, int... I>
  static UBP_ALWAYS_INLINE V MixHigh(V a, V b, Indices<I...>) {
    constexpr int kWidth = sizeof...(I);
    return __builtin_shufflevector(a, b, (I % 2 * kWidth + I / 4 * 4 + I % 4 / 2 + 2)...);
  }

  // Of each quad of a and then of b: the first two elements, or the last two.
  template <class V, int... I>
  static UBP_ALWAYS_INLINE V FirstHalves(V a, V b, Indices<I...>) {
    constexpr int kWidth = sizeof...(I);
    return __builtin_shufflevector(a, b, (I % 4 / 2 * kWidth + I / 4 * 4 + I % 2)...);
  }
  template <class V, int... I>
  static UBP_ALWAYS_INLINE V SecondHalves(V a, V b, Indices<I...>) {
    constexpr int kWidth = sizeof...(I);
    return __builtin_shufflevector(a, b, (I % 4 / 2 * kWidth + I / 4 * 4 + I % 2 + 2)...);
  }

  // ---- every other element

  template <int W>
  static UBP_ALWAYS_INLINE void CopyEveryOther(const float* src, int count, float* dst) {
    if constexpr (W < kQuad) {
      for (int i = 0; i < count; ++i) dst[i] = src[2 * i];
    } else if (count <= W) {
      CopyEveryOther<W / 2>(src, count, dst);
    } else {
      int i = 0;
      // A vector reads one element more than it needs: behind what it copies, so that the last one
      // reads it in front.
      for (; i + W < count; i += W) Store(dst + i, Alternate<W, 0>(src + 2 * i));
      i = count - W;
      Store(dst + i, Alternate<W, 1>(src + 2 * i - 1));
    }
  }

  // Of 2 * W elements those at even places, or at odd ones.
  template <int W, int kFirst>
  static UBP_ALWAYS_INLINE Vector<W> Alternate(const float* p) {
    return Select<kFirst>(Load<Vector<W>>(p), Load<Vector<W>>(p + W), IndicesUpTo<W>());
  }
  template <int kFirst, class V, int... I>
  static UBP_ALWAYS_INLINE V Select(V low, V high, Indices<I...>) {
    return __builtin_shufflevector(low, high, (2 * I + kFirst)...);
  }
};

}  // namespace
}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_KERNELS_REARRANGE_H_
