// SPDX-License-Identifier: Apache-2.0
// Convolutions of int8 in blocks against plain loops: bit for bit, for all kernels, block sizes,
// shapes and numbers of threads.

#include "delegate/cpu/operators/quad_convolution.h"

#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "delegate/cpu/operators/quad_elementwise.h"
#include "gtest/gtest.h"
#include "tests/cpp/conv_cases.h"
#include "tests/cpp/quad_layer.h"

namespace ubp {
namespace {

ConvShape ShapeOf(const Geometry& g) {
  ConvShape shape;
  const Status status = MakeConvShape(SpecOf(g, 1), g.batch, g.in_h, g.in_w, &shape);
  EXPECT_TRUE(status.ok()) << status.message();
  return shape;
}

std::vector<int8_t> RunQuads(const QuadLayer& layer, const Int8Kernels& kernels, int block_size,
                             int threads, const std::vector<int8_t>& input) {
  const ConvShape& shape = layer.shape;
  const PlaneTensor in{GeometryFor(shape, true), shape.batch, shape.in_c};
  const PlaneTensor out{GeometryFor(shape, false), shape.batch, shape.out_c};
  std::unique_ptr<QuadConvolution> convolution;
  const Status status = QuadConvolution::Make(
      std::make_shared<const QuadWeights>(layer.Pack(kernels, block_size)), shape,
      layer.Layout(in.geometry, out.geometry), kernels, threads, &convolution);
  EXPECT_TRUE(status.ok()) << status.message();
  const AlignedBuffer in_planes = ToQuads(in, layer.input_zero_point, kernels, input);
  const AlignedBuffer out_planes = EmptyQuads(out, layer.output_zero_point, kernels);
  // Scratch memory is not clean: another layer has used it before.
  AlignedBuffer scratch(convolution->scratch_floats());
  if (scratch.bytes() > 0) std::memset(scratch.data(), 0x5a, scratch.bytes());
  ThreadPool pool(threads);
  convolution->Run(in_planes.data(), out_planes.data(), scratch.data(), &pool);
  return FromQuads(out, layer.output_zero_point, kernels, out_planes);
}

class QuadConvolutionTest : public testing::TestWithParam<std::tuple<Geometry, int>> {};

TEST_P(QuadConvolutionTest, EqualsPlainLoopsForAnyNumberOfThreads) {
  const auto& [g, block_size] = GetParam();
  const ConvShape shape = ShapeOf(g);
  const std::vector<int8_t> input = RandomImage(shape, 7);
  for (const double density : {0.03, 0.3}) {
    const auto seed = static_cast<uint32_t>(100 * density);
    const QuadLayer layer = MakeQuadLayer(shape, block_size, density, seed + block_size);
    const std::vector<int8_t> expected = ComputePlainly(layer, input);
    for (const Int8Kernels* kernels : SupportedInt8Kernels()) {
      for (const int threads : {1, 2, 3}) {
        ASSERT_EQ(RunQuads(layer, *kernels, block_size, threads, input), expected)
            << kernels->name << ", " << threads << " threads";
      }
    }
  }
}

std::string Name(const testing::TestParamInfo<std::tuple<Geometry, int>>& info) {
  return std::string(std::get<0>(info.param).name) + "_N" + std::to_string(std::get<1>(info.param));
}

INSTANTIATE_TEST_SUITE_P(All, QuadConvolutionTest,
                         testing::Combine(testing::ValuesIn(kGeometries),
                                          testing::Values(1, 2, 4, 8)),
                         Name);

TEST(QuadTilesTest, AreRightOfEveryWidth) {
  for (const Int8Kernels* kernels : SupportedInt8Kernels()) {
    for (const QuadBlockKernels& tiles : kernels->convolution) {
      for (int vectors = 1; vectors <= tiles.max_vectors; ++vectors) {
        const int pixels = vectors * kernels->vector_width;
        const ConvShape shape = ShapeOf({"", 1, pixels, 19, 45, 1, 1, 1, 1, 1, 1, kSame});
        QuadLayer layer = MakeQuadLayer(shape, tiles.block_size, 0.4, vectors);
        const std::vector<int8_t> input = RandomImage(shape, 9);
        // What stored bytes saturate at, with and without a zero point; and other limits.
        for (const auto& [zero, min, max] :
             {std::array{-128, -128, 127}, std::array{0, -128, 127}, std::array{-5, -5, 100}}) {
          layer.output_zero_point = zero;
          layer.min = min;
          layer.max = max;
          const std::vector<int8_t> expected = ComputePlainly(layer, input);
          for (const int threads : {1, 5}) {  // one range of channels, and several
            ASSERT_EQ(RunQuads(layer, *kernels, tiles.block_size, threads, input), expected)
                << kernels->name << ", N = " << tiles.block_size << ", " << vectors << " vectors";
          }
        }
      }
    }
  }
}

// A convolution and the sum behind it, one after the other and as one.
TEST(QuadResidualTest, IsAddedAsByAnOperatorOfItsOwn) {
  const ConvShape shape = ShapeOf({"", 9, 13, 20, 45, 3, 3, 1, 1, 1, 1, kSame, 2});
  const PlaneTensor in{GeometryFor(shape, true), shape.batch, shape.in_c};
  const PlaneTensor out{GeometryFor(shape, false), shape.batch, shape.out_c};
  ConvShape like_output = shape;
  like_output.in_c = shape.out_c;
  const std::vector<int8_t> input = RandomImage(shape, 9);
  const std::vector<int8_t> added = RandomImage(like_output, 10);
  for (const Int8Kernels* kernels : SupportedInt8Kernels()) {
    for (const int block_size : {1, 2, 4, 8}) {
      const QuadLayer layer = MakeQuadLayer(shape, block_size, 0.3, 20 + block_size);
      QuadOperands operands;
      operands.a = {0.1f, layer.output_zero_point};
      operands.b = {0.07f, 17};
      operands.output = {0.13f, -28};
      operands.min = -28;
      operands.max = 120;
      QuadConvLayout layout = layer.Layout(in.geometry, out.geometry);
      const auto weights = std::make_shared<const QuadWeights>(layer.Pack(*kernels, block_size));
      std::unique_ptr<QuadConvolution> alone, with_sum;
      ASSERT_TRUE(QuadConvolution::Make(weights, shape, layout, *kernels, 2, &alone).ok());
      layout.residual = QuadResidual{out.geometry, operands};
      ASSERT_TRUE(QuadConvolution::Make(weights, shape, layout, *kernels, 2, &with_sum).ok());
      const QuadElementwise sum(QuadFunction::kAdd, operands, out.geometry, out.geometry,
                                out.geometry, shape.batch, shape.out_c, *kernels);
      const AlignedBuffer in_planes = ToQuads(in, layer.input_zero_point, *kernels, input);
      const AlignedBuffer residual = ToQuads(out, operands.b.zero_point, *kernels, added);
      const AlignedBuffer result = EmptyQuads(out, layer.output_zero_point, *kernels);
      const AlignedBuffer expected = EmptyQuads(out, operands.output.zero_point, *kernels);
      const AlignedBuffer found = EmptyQuads(out, operands.output.zero_point, *kernels);
      ThreadPool pool(2);
      alone->Run(in_planes.data(), result.data(), nullptr, &pool);
      sum.Run(result.data(), residual.data(), expected.data(), &pool);
      with_sum->Run(in_planes.data(), residual.data(), found.data(), nullptr, &pool);
      const int zero_point = operands.output.zero_point;
      ASSERT_EQ(FromQuads(out, zero_point, *kernels, found),
                FromQuads(out, zero_point, *kernels, expected))
          << kernels->name << ", N = " << block_size;
    }
  }
}

TEST(QuadConvolutionValuesTest, AreRightForTheLargestSumsAndScales) {
  const ConvShape shape = ShapeOf({"", 5, 4, 64, 12, 3, 3, 1, 1, 1, 1, kSame});
  QuadLayer layer = MakeQuadLayer(shape, 4, 0.9, 3);
  for (int c = 0; c < shape.out_c; ++c) {
    layer.weight_scales[c] = c % 2 == 0 ? 400.0f : 1e-9f;
    layer.bias[c] = c % 3 == 0 ? 2000000000 : -2000000000;
  }
  layer.min = -128;
  layer.max = 127;
  const std::vector<int8_t> input = RandomImage(shape, 8);
  const std::vector<int8_t> expected = ComputePlainly(layer, input);
  for (const Int8Kernels* kernels : SupportedInt8Kernels()) {
    EXPECT_EQ(RunQuads(layer, *kernels, 4, 1, input), expected) << kernels->name;
  }
}

TEST(Int8KernelsTest, AreFoundByNameAndPortableLast) {
  EXPECT_STREQ(AllInt8Kernels().back()->name, "portable");
  EXPECT_EQ(FindInt8Kernels("portable"), AllInt8Kernels().back());
  EXPECT_EQ(FindInt8Kernels("mmx"), nullptr);
  // Kernels without dot products are never the best.
  EXPECT_NE(BestInt8Kernels(), AllInt8Kernels().back());
  EXPECT_EQ(BestInt8Kernels() == nullptr, SupportedInt8Kernels().size() == 1);
  for (const Int8Kernels* kernels : SupportedInt8Kernels()) {
    EXPECT_EQ(FindInt8Kernels(kernels->name), kernels);
    for (const int n : {1, 2, 4, 8}) EXPECT_EQ(kernels->KernelsFor(n).block_size, n);
  }
}

TEST(QuadConvolutionTest, RefusesPlanesBeyondThirtyTwoBitOffsets) {
  ConvShape shape;
  LayerAttributes spec = SpecOf({"", 0, 0, 1 << 16, 8, 3, 3, 1, 1, 1, 1, kSame}, 4);
  ASSERT_TRUE(MakeConvShape(spec, 1, 1000, 32, &shape).ok());
  QuadWeights weights;
  weights.block_size = 4;
  weights.counts = {1, 0, 0, 0, 0, 0, 0, 0};
  weights.first_block.assign(8, 0);
  weights.groups = LaneNumbers({9 * (1 << 14) - 1}, 9 * (1 << 14));
  weights.values.assign(16 + kQuadValuesBeyond, 1);
  weights.bias.assign(24, 0);
  weights.scale.assign(24, 1.0f);
  QuadConvLayout layout;
  layout.input = GeometryFor(shape, true);
  layout.output = GeometryFor(shape, false);
  std::unique_ptr<QuadConvolution> convolution;
  const Status status =
      QuadConvolution::Make(std::make_shared<const QuadWeights>(std::move(weights)), shape, layout,
                            *SupportedInt8Kernels().front(), 1, &convolution);
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.message().find("2 GiB"), std::string::npos) << status.message();
}

}  // namespace
}  // namespace ubp
