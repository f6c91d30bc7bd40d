// SPDX-License-Identifier: Apache-2.0
#include "delegate/cpu/operators/average_scale.h"

#include <algorithm>
#include <cstdint>

#include "delegate/cpu/kernels/kernels.h"

namespace ubp {
namespace {

// How many of `size` places from `first` on lie in [0, limit).
int Inside(int first, int size, int limit) {
  return std::max(0, std::min(first + size, limit) - std::max(first, 0));
}

}  // namespace

std::vector<float> AverageScale(const ConvShape& shape, const PlaneGeometry& output,
                                bool zeros_count) {
  std::vector<float> scale(int64_t{shape.out_h} * output.pitch + kMaxTilePixels, 0.0f);
  for (int y = 0; y < shape.out_h; ++y) {
    const int top = y * shape.stride_h - shape.pad_top;
    const int rows = zeros_count ? shape.kernel_h : Inside(top, shape.kernel_h, shape.in_h);
    for (int x = 0; x < shape.out_w; ++x) {
      const int left = x * shape.stride_w - shape.pad_left;
      const int columns = zeros_count ? shape.kernel_w : Inside(left, shape.kernel_w, shape.in_w);
      scale[int64_t{y} * output.pitch + x] =
          1.0f / (static_cast<float>(rows) * static_cast<float>(columns));
    }
  }
  return scale;
}

}  // namespace ubp
