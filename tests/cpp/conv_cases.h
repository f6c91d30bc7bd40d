// SPDX-License-Identifier: Apache-2.0
// Shapes of convolutions that tests run: kernels, strides, padding, batches, edges.
#ifndef UBP_TESTS_CPP_CONV_CASES_H_
#define UBP_TESTS_CPP_CONV_CASES_H_

#include "delegate/cpu/operators/plane_geometry.h"
#include "delegate/format/attributes.h"
#include "delegate/graph/conv_shape.h"

namespace ubp {

struct Geometry {
  const char* name;
  int in_h, in_w, in_c, out_c;
  int kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w;
  Padding padding;
  int batch = 1;
};

inline constexpr Padding kSame = Padding::kSame;
inline constexpr Padding kValid = Padding::kValid;

inline constexpr Geometry kGeometries[] = {
    {"pixel", 1, 1, 33, 20, 1, 1, 1, 1, 1, 1, kValid},
    {"pixel_batch", 1, 1, 33, 20, 1, 1, 1, 1, 1, 1, kValid, 5},
    {"pointwise_7x7", 7, 7, 24, 37, 1, 1, 1, 1, 1, 1, kValid},
    {"pointwise_many_tiles", 23, 19, 18, 70, 1, 1, 1, 1, 1, 1, kSame, 2},
    {"pointwise_stride2", 9, 8, 16, 24, 1, 1, 2, 2, 1, 1, kSame},
    {"pointwise_stride3_valid", 10, 11, 16, 24, 1, 1, 3, 3, 1, 1, kValid},
    {"k3_same", 9, 7, 8, 20, 3, 3, 1, 1, 1, 1, kSame, 2},
    {"k3_valid", 9, 7, 8, 20, 3, 3, 1, 1, 1, 1, kValid},
    {"k3_one_column", 6, 1, 8, 16, 3, 3, 1, 1, 1, 1, kSame},
    {"k3_one_pixel", 1, 1, 8, 16, 3, 3, 1, 1, 1, 1, kSame},
    {"k3_stride2_even", 12, 10, 8, 20, 3, 3, 2, 2, 1, 1, kSame, 2},
    {"k3_stride2_odd", 11, 13, 8, 20, 3, 3, 2, 2, 1, 1, kSame},
    {"k3_stride2_valid", 12, 11, 8, 20, 3, 3, 2, 2, 1, 1, kValid},
    {"k3_dilated", 12, 11, 8, 20, 3, 3, 1, 1, 2, 3, kSame},
    {"k3_dilated_strided", 14, 17, 4, 16, 3, 3, 2, 3, 3, 2, kSame},
    {"k5_stride2", 13, 12, 5, 19, 5, 5, 2, 2, 1, 1, kSame},
    {"k7_stride2_stem", 20, 21, 3, 16, 7, 7, 2, 2, 1, 1, kSame},
    {"k1x5", 6, 14, 6, 17, 1, 5, 1, 1, 1, 1, kSame},
    {"k5x1_valid", 14, 6, 6, 17, 5, 1, 1, 2, 1, 1, kValid},
    {"k2_same", 8, 9, 6, 17, 2, 2, 1, 1, 1, 1, kSame},
    {"k2_stride3", 8, 10, 6, 17, 2, 2, 3, 3, 1, 1, kSame},
    {"k9_larger_than_input", 5, 4, 4, 16, 9, 9, 1, 1, 1, 1, kSame},
    {"k3_long_rows", 3, 150, 4, 16, 3, 3, 1, 1, 1, 1, kSame},
};

// The attributes of a convolution of that shape in blocks of `block_size`.
LayerAttributes SpecOf(const Geometry& g, int block_size);

// A geometry for an op's input or output, with just the halo that windows of stride 1 need: counted
// here for every pixel that they read.
PlaneGeometry GeometryFor(const ConvShape& s, bool input);

}  // namespace ubp

#endif  // UBP_TESTS_CPP_CONV_CASES_H_
