// SPDX-License-Identifier: Apache-2.0
// Phase planes made from windows of rows: what is read of a window, and what is not.

#include <algorithm>
#include <limits>
#include <vector>

#include "delegate/cpu/operators/phase_planes.h"
#include "gtest/gtest.h"

namespace ubp {
namespace {

constexpr float kForeign = std::numeric_limits<float>::quiet_NaN();
constexpr int kSize = 40;  // of the image, in pixels
constexpr int kChannels = 2;

struct WindowCase {
  int kernel, stride, dilation;
};

class PlanesTest : public testing::TestWithParam<WindowCase> {
 protected:
  static ConvShape Shape() {
    const WindowCase& window = GetParam();
    ConvShape shape{};
    shape.batch = 1;
    shape.in_h = shape.in_w = kSize;
    shape.in_c = kChannels;
    shape.kernel_h = shape.kernel_w = window.kernel;
    shape.stride_h = shape.stride_w = window.stride;
    shape.dilation_h = shape.dilation_w = window.dilation;
    shape.out_h = shape.out_w = (kSize - Reach() - 1) / window.stride + 1;
    return shape;
  }

  // From the first row that an output row reads to the last.
  static int Reach() { return (GetParam().kernel - 1) * GetParam().dilation; }
};

INSTANTIATE_TEST_SUITE_P(Windows, PlanesTest,
                         testing::Values(WindowCase{3, 1, 1}, WindowCase{3, 2, 1},
                                         WindowCase{5, 2, 1}, WindowCase{7, 2, 1},
                                         WindowCase{4, 3, 1}, WindowCase{2, 3, 1},
                                         WindowCase{1, 2, 1}, WindowCase{3, 2, 3},
                                         WindowCase{4, 3, 2}));

// Around the rows that the output rows read lies what is not theirs: rows of other windows, which
// another thread may be writing.
TEST_P(PlanesTest, ReadOnlyTheRowsThatTheirTapsRead) {
  const ConvShape shape = Shape();
  const PhasePlanes planes(shape, 3, static_cast<int>(PhasePlanes::MinPitch(shape)));
  PlaneGeometry whole;
  ASSERT_TRUE(MakePlaneGeometry(kSize, kSize, Halo(), &whole).ok());
  for (int begin = 0; begin + 3 <= shape.out_h; ++begin) {
    for (int end = begin + 1; end <= begin + 3; ++end) {
      const int first_row = begin * shape.stride_h;
      const int end_row = (end - 1) * shape.stride_h + Reach() + 1;
      std::vector<float> input(whole.floats(kChannels), kForeign);
      for (int c = 0; c < kChannels; ++c) {
        for (int y = first_row; y < end_row; ++y) {
          std::fill_n(&input[c * whole.plane_stride + whole.lead + int64_t{y} * whole.pitch], kSize,
                      1.0f);
        }
      }
      std::vector<float> made(planes.floats(), 0.0f);
      for (int unit = 0; unit < planes.plane_units(); ++unit) {
        planes.FillFromPlanes({input.data(), 0}, whole, begin, end, unit, made.data());
      }
      for (const float value : made) ASSERT_EQ(value, value) << "rows " << begin << " to " << end;
    }
  }
}

}  // namespace
}  // namespace ubp
