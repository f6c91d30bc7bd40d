// SPDX-License-Identifier: Apache-2.0
// The kernel of RESIZE_BILINEAR (resize_args.h); `Simd` as in simd.h.
//
// A vector of columns is computed for some rows, one after the other: two rows of the input, resized
// along themselves, stay in registers until the output's rows have gone past them. In an image that
// grows, the inputs of such a vector are neighbours: they are loaded as one vector, of which each
// output picks its two.
#ifndef UBP_DELEGATE_CPU_KERNELS_RESIZE_H_
#define UBP_DELEGATE_CPU_KERNELS_RESIZE_H_

#include "delegate/cpu/kernels/resize_args.h"
#include "delegate/cpu/kernels/simd.h"

namespace ubp {
namespace {

template <class Simd>
class Resize {
 public:
  static void Plane(const ResizeArgs& args) {
    const ResizeArgs copy = args;  // which what is stored cannot change
    for (int y = 0; y < copy.rows.size; y += kRows) {
      const int end = y + kRows < copy.rows.size ? y + kRows : copy.rows.size;
      // From right to left: what the last vector of a row writes behind it belongs to the next row.
      for (int v = (copy.columns.size - 1) / Simd::kWidth; v >= 0; --v) {
        if (copy.first[v] >= 0) {
          RunColumns<Neighbours>(copy, v, y, end);
        } else {
          RunColumns<Anywhere>(copy, v, y, end);
        }
      }
    }
  }

 private:
  using Vec = typename Simd::Vec;
  static constexpr int kRows = 16;  // of several vectors: they stay in the first cache

  // How a vector of columns finds its inputs in a row.
  struct Neighbours {
    static UBP_ALWAYS_INLINE void Load(const float* row, int first, const int32_t* lower,
                                       const int32_t* upper, Vec* left, Vec* right) {
      const Vec inputs = Simd::LoadOnce(row + first);
      *left = Simd::Pick(inputs, lower);
      *right = Simd::Pick(inputs, upper);
    }
  };
  struct Anywhere {
    static UBP_ALWAYS_INLINE void Load(const float* row, int, const int32_t* lower,
                                       const int32_t* upper, Vec* left, Vec* right) {
      float lefts[Simd::kWidth], rights[Simd::kWidth];
      for (int i = 0; i < Simd::kWidth; ++i) {
        lefts[i] = row[lower[i]];
        rights[i] = row[upper[i]];
      }
      *left = Simd::Load(lefts);
      *right = Simd::Load(rights);
    }
  };

  // One vector of columns of a row of the input, resized.
  template <class Columns>
  static UBP_ALWAYS_INLINE Vec Resized(const ResizeArgs& args, int vector, int row) {
    const ptrdiff_t x = ptrdiff_t{vector} * Simd::kWidth;
    Vec left, right;
    Columns::Load(args.input + row * args.input_pitch, args.first[vector], args.columns.lower + x,
                  args.columns.upper + x, &left, &right);
    return Simd::Masked(Between(left, right, Simd::Load(args.columns.fraction + x)),
                        Simd::LoadMask(args.mask + x));
  }

  template <class Columns>
  static UBP_ALWAYS_INLINE void RunColumns(const ResizeArgs& args, int vector, int begin, int end) {
    int row = args.rows.lower[begin], next_row = row;
    Vec resized = Resized<Columns>(args, vector, row), next = resized;
    float* output = args.output + begin * args.output_pitch + ptrdiff_t{vector} * Simd::kWidth;
    for (int y = begin; y < end; ++y, output += args.output_pitch) {
      if (args.rows.lower[y] != row) {
        row = args.rows.lower[y];
        resized = row == next_row ? next : Resized<Columns>(args, vector, row);
      }
      if (args.rows.upper[y] != next_row) {
        next_row = args.rows.upper[y];
        next = next_row == row ? resized : Resized<Columns>(args, vector, next_row);
      }
      Simd::Store(output, Between(resized, next, Simd::Broadcast(args.rows.fraction[y])));
    }
  }

  // Not a + (b - a) * share, which would make NaN of an infinite a.
  static UBP_ALWAYS_INLINE Vec Between(Vec a, Vec b, Vec share) {
    return Simd::MultiplyAdd(b, share, a * (Simd::Broadcast(1.0f) - share));
  }
};

}  // namespace
}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_KERNELS_RESIZE_H_
