// SPDX-License-Identifier: Apache-2.0
// RESIZE_BILINEAR with the kernels of every instruction set, against its definition in double.

#include <algorithm>
#include <cmath>
#include <vector>

#include "delegate/cpu/kernels/kernels.h"
#include "delegate/cpu/operators/resample.h"
#include "gtest/gtest.h"

namespace ubp {
namespace {

constexpr float kUntouched = -77.0f;
constexpr int kChannels = 3;

struct Rule {
  const char* name;
  bool align_corners;
  bool half_pixel_centers;
};
constexpr Rule kRules[] = {
    {"corners", false, false}, {"aligned", true, false}, {"centers", false, true}};

// Where pixel i of the output lies in the input, of one axis.
double PlaceOf(const Rule& rule, int i, int in_size, int out_size) {
  if (rule.align_corners && out_size > 1) return i * (in_size - 1.0) / (out_size - 1.0);
  const double scale = static_cast<double>(in_size) / out_size;
  const double place = rule.half_pixel_centers ? (i + 0.5) * scale - 0.5 : i * scale;
  return std::min(std::max(place, 0.0), in_size - 1.0);
}

double Between(double place, double first, double second) {
  const double share = place - std::floor(place);
  return first * (1.0 - share) + second * share;
}

float InputAt(int channel, int y, int x) {
  return static_cast<float>(std::sin(1.3 * x + 0.7 * y * y + channel));
}

double Expected(const Rule& rule, int channel, int in_size, int out_size, int out_y, int out_x) {
  const double y = PlaceOf(rule, out_y, in_size, out_size);
  const double x = PlaceOf(rule, out_x, in_size, out_size);
  const int above = static_cast<int>(y), left = static_cast<int>(x);
  const int below = std::min(above + 1, in_size - 1), right = std::min(left + 1, in_size - 1);
  return Between(y, Between(x, InputAt(channel, above, left), InputAt(channel, above, right)),
                 Between(x, InputAt(channel, below, left), InputAt(channel, below, right)));
}

class ResizeTest : public testing::TestWithParam<const InstructionSet*> {
 protected:
  void SetUp() override {
    if (!GetParam()->supported()) GTEST_SKIP() << "the processor lacks " << GetParam()->name;
  }
};

// Calls function(channel, y, x, place) for each pixel; `place` is the element of its tensor.
template <class Function>
void ForEachPixel(const PlaneGeometry& geometry, const Function& function) {
  for (int c = 0; c < kChannels; ++c) {
    for (int y = 0; y < geometry.height; ++y) {
      for (int x = 0; x < geometry.width; ++x) {
        function(c, y, x, c * geometry.plane_stride + geometry.lead + y * geometry.pitch + x);
      }
    }
  }
}

TEST_P(ResizeTest, IsBilinearAndZeroWhereThereIsNoPixel) {
  for (const Rule& rule : kRules) {
    for (const int in_size : {1, 2, 3, 7, 8, 17, 33}) {
      for (const int out_size : {1, 3, 8, 14, 16, 21, 34, 66}) {
        PlaneTensor input{{}, 1, kChannels};
        PlaneGeometry output;
        ASSERT_TRUE(MakePlaneGeometry(in_size, in_size, {1, 1}, &input.geometry).ok());
        ASSERT_TRUE(MakePlaneGeometry(out_size, out_size, {0, 2}, &output).ok());
        std::vector<float> image(input.geometry.floats(kChannels), 0.0f);
        ForEachPixel(input.geometry,
                     [&](int c, int y, int x, int64_t place) { image[place] = InputAt(c, y, x); });
        std::vector<float> resized(output.floats(kChannels), 0.0f);
        ForEachPixel(output, [&](int, int, int, int64_t place) { resized[place] = kUntouched; });
        const ResizeOp op{{},       ResizeKind::kBilinear, out_size,
                          out_size, rule.align_corners,    rule.half_pixel_centers};
        const ResizePlanes resize(op, ElementType::kFloat32, input, output, *GetParam());
        ThreadPool pool(2);
        resize.Run(image.data(), resized.data(), &pool);
        ForEachPixel(output, [&](int c, int y, int x, int64_t place) {
          EXPECT_NEAR(resized[place], Expected(rule, c, in_size, out_size, y, x), 1e-4)
              << rule.name << ", " << in_size << " to " << out_size << ", " << c << " " << y << " "
              << x;
          resized[place] = 0.0f;
        });
        ASSERT_EQ(std::count(resized.begin(), resized.end(), 0.0f),
                  static_cast<int64_t>(resized.size()));
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(InstructionSets, ResizeTest, testing::ValuesIn(AllInstructionSets()),
                         [](const auto& info) { return info.param->name; });

}  // namespace
}  // namespace ubp
