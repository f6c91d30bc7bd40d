// SPDX-License-Identifier: Apache-2.0
// Bilinear resizing of int8 against exact sums over all pixels, bit for bit.

#include "delegate/cpu/operators/quad_resize.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "delegate/graph/conv_shape.h"
#include "gtest/gtest.h"
#include "tests/cpp/quad_layer.h"

namespace ubp {
namespace {

struct ResizeCase {
  const char* name;
  int in_h, in_w, channels, batch, out_h, out_w;
};

constexpr ResizeCase kCases[] = {
    {"twice", 7, 9, 12, 2, 14, 18},     {"wide", 3, 40, 6, 1, 5, 70},
    {"smaller", 20, 33, 5, 1, 7, 4},    {"one_pixel", 6, 5, 8, 2, 1, 1},
    {"of_one_pixel", 1, 1, 4, 1, 3, 5}, {"equal", 4, 17, 3, 1, 4, 17},
    {"fine", 2, 3, 4, 1, 2, 777},
};

enum class Rule { kEdges, kCorners, kCenters };
constexpr Rule kRules[] = {Rule::kEdges, Rule::kCorners, Rule::kCenters};

ResizeOp OpOf(const ResizeCase& c, Rule rule) {
  return {{},      ResizeKind::kBilinear,  c.out_h,
          c.out_w, rule == Rule::kCorners, rule == Rule::kCenters};
}

// Where pixel `i` lies in the input. Float32 is what XNNPACK counts in: a product and a sum are rounded
// once on Arm and twice elsewhere.
double PlaceOf(Rule rule, int i, int in, int out) {
  const int corner = rule == Rule::kCorners && out > 1 ? 1 : 0;
  const float scale = static_cast<float>(in - corner) / static_cast<float>(out - corner);
  const double product = double{static_cast<float>(i)} * double{scale};
  if (rule != Rule::kCenters) return static_cast<float>(product);
  const float offset = 0.5f * scale - 0.5f;
#if defined(__aarch64__)
  const float place = __builtin_fmaf(static_cast<float>(i), scale, offset);
#else
  const float place = static_cast<float>(double{static_cast<float>(product)} + double{offset});
#endif
  return std::clamp(double{place}, 0.0, in - 1.0);
}

// The weights, in 2048ths, of all pixels of an axis of the input for pixel i of the output.
std::vector<int64_t> WeightsOf(Rule rule, int i, int in, int out) {
  std::vector<int64_t> weights(in, 0);
  const double place = PlaceOf(rule, i, in, out);
  const int lower = static_cast<int>(std::floor(place));
  const auto share = static_cast<int64_t>(std::nearbyint((place - lower) * 2048.0));
  weights[std::min(lower, in - 1)] += 2048 - share;
  weights[std::min(lower + 1, in - 1)] += share;
  return weights;
}

std::vector<int8_t> ResizePlainly(const ResizeCase& c, Rule rule,
                                  const std::vector<int8_t>& input) {
  std::vector<int8_t> output;
  for (int b = 0; b < c.batch; ++b) {
    for (int y = 0; y < c.out_h; ++y) {
      const std::vector<int64_t> rows = WeightsOf(rule, y, c.in_h, c.out_h);
      for (int x = 0; x < c.out_w; ++x) {
        const std::vector<int64_t> columns = WeightsOf(rule, x, c.in_w, c.out_w);
        for (int channel = 0; channel < c.channels; ++channel) {
          int64_t sum = 0;
          for (int i = 0; i < c.in_h * c.in_w; ++i) {
            sum += rows[i / c.in_w] * columns[i % c.in_w] *
                   input[(int64_t{b} * c.in_h * c.in_w + i) * c.channels + channel];
          }
          output.push_back(
              static_cast<int8_t>(std::floor(static_cast<double>(sum) / 4194304.0 + 0.5)));
        }
      }
    }
  }
  return output;
}

class QuadResizeTest : public testing::TestWithParam<ResizeCase> {};

TEST_P(QuadResizeTest, EqualsPlainLoopsForAnyNumberOfThreads) {
  const ResizeCase& c = GetParam();
  PlaneTensor in{{}, c.batch, c.channels}, out{{}, c.batch, c.channels};
  ASSERT_TRUE(MakePlaneGeometry(c.in_h, c.in_w, {1, 1}, &in.geometry).ok());
  ASSERT_TRUE(MakePlaneGeometry(c.out_h, c.out_w, {2, 3}, &out.geometry).ok());
  ConvShape shape{};
  shape.batch = c.batch;
  shape.in_h = c.in_h;
  shape.in_w = c.in_w;
  shape.in_c = c.channels;
  const std::vector<int8_t> input = RandomImage(shape, 3);
  const PlaneTensor quads{in.geometry, c.batch, QuadsOf(c.channels)};
  for (const Rule rule : kRules) {
    const std::vector<int8_t> expected = ResizePlainly(c, rule, input);
    for (const Int8Kernels* kernels : SupportedInt8Kernels()) {
      for (const int threads : {1, 2, 3}) {
        const QuadResize resize(OpOf(c, rule), quads, out.geometry, -7, *kernels, threads);
        const AlignedBuffer in_planes = ToQuads(in, -7, *kernels, input);
        const AlignedBuffer out_planes = EmptyQuads(out, -7, *kernels);
        AlignedBuffer scratch(resize.scratch_floats());
        std::memset(scratch.data(), 0x5a, scratch.bytes());
        ThreadPool pool(threads);
        resize.Run(in_planes.data(), out_planes.data(), scratch.data(), &pool);
        ASSERT_EQ(FromQuads(out, -7, *kernels, out_planes), expected)
            << kernels->name << ", " << threads << " threads, rule " << static_cast<int>(rule);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, QuadResizeTest, testing::ValuesIn(kCases),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace ubp
