// SPDX-License-Identifier: Apache-2.0
#include "tests/cpp/conv_cases.h"

#include <algorithm>

#include "delegate/base/status.h"
#include "delegate/cpu/operators/phase_planes.h"
#include "gtest/gtest.h"
#include "tests/cpp/test_layer.h"

namespace ubp {

LayerAttributes SpecOf(const Geometry& g, int block_size) {
  LayerAttributes spec = Pointwise(g.in_c, g.out_c, block_size);
  spec.kernel_h = g.kernel_h;
  spec.kernel_w = g.kernel_w;
  spec.stride_h = g.stride_h;
  spec.stride_w = g.stride_w;
  spec.dilation_h = g.dilation_h;
  spec.dilation_w = g.dilation_w;
  spec.padding = g.padding;
  return spec;
}

PlaneGeometry GeometryFor(const ConvShape& s, bool input) {
  int rows = 0;
  int columns = s.unit_stride() ? std::max(0, s.out_w - s.in_w) : 0;
  for (int k = 0; s.unit_stride() && k < s.kernel_h; ++k) {
    const int first = k * s.dilation_h - s.pad_top;
    rows = std::max({rows, -first, first + s.out_h - s.in_h});
  }
  for (int k = 0; s.unit_stride() && k < s.kernel_w; ++k) {
    const int first = k * s.dilation_w - s.pad_left;
    columns = std::max({columns, -first, first + s.out_w - s.in_w});
  }
  const int junk = std::max(columns, static_cast<int>(PhasePlanes::MinPitch(s)) - s.out_w);
  PlaneGeometry geometry;
  const Status status = input ? MakePlaneGeometry(s.in_h, s.in_w, {rows, columns}, &geometry)
                              : MakePlaneGeometry(s.out_h, s.out_w, {rows, junk}, &geometry);
  EXPECT_TRUE(status.ok()) << status.message();
  return geometry;
}

}  // namespace ubp
