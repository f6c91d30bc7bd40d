// SPDX-License-Identifier: Apache-2.0
// Layers of int8 on single pixels against plain loops, bit for bit.

#include "delegate/cpu/operators/quad_pixel.h"

#include <cstring>
#include <memory>
#include <vector>

#include "delegate/base/aligned_buffer.h"
#include "gtest/gtest.h"
#include "tests/cpp/conv_cases.h"
#include "tests/cpp/quad_layer.h"

namespace ubp {
namespace {

std::vector<int8_t> RunPixels(const QuadLayer& layer, const Int8Kernels& kernels, int block_size,
                              int threads, const std::vector<int8_t>& input) {
  std::unique_ptr<QuadPixelConvolution> convolution;
  const Status status = QuadPixelConvolution::Make(
      std::make_shared<const QuadWeights>(layer.Pack(kernels, block_size)), layer.shape,
      layer.Layout({}, {}), kernels, threads, &convolution);
  EXPECT_TRUE(status.ok()) << status.message();
  AlignedBuffer scratch(convolution->scratch_floats());
  std::memset(scratch.data(), 0x5a, scratch.bytes());
  constexpr int8_t kGuard = 77;
  std::vector<int8_t> output(layer.shape.out_pixels() * layer.shape.out_c + 1, kGuard);
  ThreadPool pool(threads);
  convolution->Run(input.data(), output.data(), scratch.data(), &pool);
  EXPECT_EQ(output.back(), kGuard);
  output.pop_back();
  return output;
}

TEST(QuadPixelTest, EqualsPlainLoops) {
  for (const int block_size : {1, 2, 4, 8}) {
    for (const int in_c : {4, 33, 130}) {
      for (const int out_c : {1, 8, 45, 100}) {
        for (const int rows : {1, 2, 7, 40}) {
          const Geometry g{"", 1, 1, in_c, out_c, 1, 1, 1, 1, 1, 1, kValid, rows};
          ConvShape shape;
          ASSERT_TRUE(MakeConvShape(SpecOf(g, 1), rows, 1, 1, &shape).ok());
          const QuadLayer layer = MakeQuadLayer(shape, block_size, 0.3, in_c + out_c + rows);
          const std::vector<int8_t> input = RandomImage(shape, 5);
          const std::vector<int8_t> expected = ComputePlainly(layer, input);
          for (const Int8Kernels* kernels : SupportedInt8Kernels()) {
            for (const int threads : {1, 2, 3}) {
              ASSERT_EQ(RunPixels(layer, *kernels, block_size, threads, input), expected)
                  << kernels->name << ", N = " << block_size << ", " << in_c << " to " << out_c
                  << ", " << rows << " rows, " << threads << " threads";
            }
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace ubp
