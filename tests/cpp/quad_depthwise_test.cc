// SPDX-License-Identifier: Apache-2.0
// Depthwise convolutions of int8 against plain loops: bit for bit, for all kernels, windows in place
// and by way of phase planes, and numbers of threads.

#include "delegate/cpu/operators/quad_depthwise.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/cpp/conv_cases.h"
#include "tests/cpp/quad_layer.h"

namespace ubp {
namespace {

constexpr Geometry kWindows[] = {
    {"k3", 9, 7, 12, 0, 3, 3, 1, 1, 1, 1, kSame, 2},
    {"k3_large", 30, 33, 20, 0, 3, 3, 1, 1, 1, 1, kSame},
    {"k3_odd_channels", 9, 18, 7, 0, 3, 3, 1, 1, 1, 1, kSame},
    {"k3_one_channel", 5, 5, 1, 0, 3, 3, 1, 1, 1, 1, kSame},
    {"k3_valid", 9, 20, 8, 0, 3, 3, 1, 1, 1, 1, kValid},
    {"k3_one_column", 6, 1, 8, 0, 3, 3, 1, 1, 1, 1, kSame},
    {"k3_one_pixel", 1, 1, 8, 0, 3, 3, 1, 1, 1, 1, kSame},
    {"k3_stride2", 12, 34, 8, 0, 3, 3, 2, 2, 1, 1, kSame, 2},
    {"k3_stride2_odd", 11, 33, 10, 0, 3, 3, 2, 2, 1, 1, kSame},
    {"k3_stride2_valid", 13, 35, 8, 0, 3, 3, 2, 2, 1, 1, kValid},
    {"k3_stride2_wide", 5, 131, 8, 0, 3, 3, 2, 2, 1, 1, kSame},
    {"k3_stride1x2", 9, 21, 8, 0, 3, 3, 1, 2, 1, 1, kSame},
    {"k3_stride2x1", 9, 21, 8, 0, 3, 3, 2, 1, 1, 1, kSame},
    {"k3_stride3", 13, 17, 8, 0, 3, 3, 3, 3, 1, 1, kSame},
    {"k3_dilated", 12, 17, 8, 0, 3, 3, 1, 1, 2, 2, kSame},
    {"k3_dilated_stride2", 12, 17, 8, 0, 3, 3, 2, 2, 2, 3, kSame},
    {"k5", 9, 19, 12, 0, 5, 5, 1, 1, 1, 1, kSame},
    {"k5_stride2", 13, 36, 8, 0, 5, 5, 2, 2, 1, 1, kSame},
    {"k7", 12, 17, 8, 0, 7, 7, 1, 1, 1, 1, kSame},
    {"k2x4", 8, 9, 6, 0, 2, 4, 1, 1, 1, 1, kSame},
    {"k1", 8, 9, 6, 0, 1, 1, 1, 1, 1, 1, kSame},
    {"k9_larger_than_input", 5, 4, 4, 0, 9, 9, 1, 1, 1, 1, kSame},
    {"k3_dilated_beyond_input", 5, 4, 4, 0, 3, 3, 1, 1, 6, 7, kSame},
};

class QuadDepthwiseTest : public testing::TestWithParam<Geometry> {};

// `halo`: whether the input has the halo that windows of any stride read in place.
std::vector<int8_t> RunWindow(const QuadLayer& layer, const Int8Kernels& kernels, bool halo,
                              int threads, const std::vector<int8_t>& input) {
  const ConvShape& shape = layer.shape;
  PlaneTensor in{GeometryFor(shape, true), shape.batch, shape.in_c};
  if (halo) {
    EXPECT_TRUE(MakePlaneGeometry(shape.in_h, shape.in_w, HaloFor(shape), &in.geometry).ok());
  }
  const PlaneTensor out{GeometryFor(shape, false), shape.batch, shape.out_c};
  const auto weights = std::make_shared<const QuadDepthwiseWeights>(
      PackQuadDepthwise(layer.weights.data(), layer.weight_scales.data(), layer.bias.data(),
                        layer.taps(), shape.out_c, layer.quantization(kernels)));
  std::unique_ptr<QuadDepthwise> window;
  const Status status = QuadDepthwise::Make(weights, shape, layer.Layout(in.geometry, out.geometry),
                                            kernels, threads, &window);
  EXPECT_TRUE(status.ok()) << status.message();
  const AlignedBuffer in_planes = ToQuads(in, layer.input_zero_point, kernels, input);
  const AlignedBuffer out_planes = EmptyQuads(out, layer.output_zero_point, kernels);
  AlignedBuffer scratch(window->scratch_floats());
  if (scratch.bytes() > 0) std::memset(scratch.data(), 0x5a, scratch.bytes());
  ThreadPool pool(threads);
  window->Run(in_planes.data(), out_planes.data(), scratch.data(), &pool);
  return FromQuads(out, layer.output_zero_point, kernels, out_planes);
}

TEST_P(QuadDepthwiseTest, EqualsPlainLoopsForAnyNumberOfThreads) {
  Geometry g = GetParam();
  g.out_c = g.in_c;
  ConvShape shape;
  ASSERT_TRUE(MakeConvShape(SpecOf(g, 1), g.batch, g.in_h, g.in_w, &shape).ok());
  const std::vector<int8_t> input = RandomImage(shape, 7);
  for (const uint32_t seed : {1u, 2u, 3u}) {
    const QuadLayer layer = MakeQuadDepthwise(shape, seed);
    const std::vector<int8_t> expected = ComputePlainly(layer, input);
    for (const Int8Kernels* kernels : SupportedInt8Kernels()) {
      for (const int threads : {1, 2, 3}) {
        ASSERT_EQ(RunWindow(layer, *kernels, false, threads, input), expected)
            << kernels->name << ", " << threads << " threads";
        ASSERT_EQ(RunWindow(layer, *kernels, true, threads, input), expected)
            << kernels->name << " with a halo, " << threads << " threads";
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, QuadDepthwiseTest, testing::ValuesIn(kWindows),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace ubp
