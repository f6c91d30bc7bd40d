// SPDX-License-Identifier: Apache-2.0
// The fewest blocks that cover a dense layer's non-zeros: against the least cover by dynamic
// programming, and as kernel weights that add up to the layer. What kernels may read beyond these.

#include "delegate/format/cover.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "delegate/weights/weights.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/cpp/test_layer.h"

namespace ubp {
namespace {

struct Matrix {
  int channels;
  int lanes;
  std::vector<float> weights;  // [channels, lanes]

  float at(int channel, int lane) const { return weights[channel * lanes + lane]; }
};

Matrix RandomMatrix(int channels, int lanes, double density) {
  Matrix matrix{channels, lanes, std::vector<float>(channels * lanes)};
  std::mt19937 random(channels * 1000 + lanes);
  std::bernoulli_distribution present(density);
  std::uniform_real_distribution<float> value(0.5f, 1.5f);
  for (float& weight : matrix.weights) weight = present(random) ? value(random) : 0.0f;
  return matrix;
}

// Blocks of `n` channels that one lane needs, by dynamic programming over all ways to place them:
// fewest[c] covers the channels before c.
int FewestBlocks(const Matrix& matrix, int lane, int n) {
  std::vector<int> fewest(matrix.channels + 1, 0);
  for (int c = 1; c <= matrix.channels; ++c) {
    fewest[c] = 1 + fewest[std::max(0, c - n)];
    if (matrix.at(c - 1, lane) == 0.0f) fewest[c] = std::min(fewest[c], fewest[c - 1]);
  }
  return fewest.back();
}

int FewestBlocks(const Matrix& matrix, int n) {
  int blocks = 0;
  for (int lane = 0; lane < matrix.lanes; ++lane) blocks += FewestBlocks(matrix, lane, n);
  return blocks;
}

// The sum of all blocks, [channels, lanes]; expects them sorted, inside the channels and rotated.
std::vector<float> Unpack(const KernelWeights& weights, int channels, int lanes) {
  const int n = weights.block_size;
  std::vector<float> sum(channels * lanes, 0.0f);
  size_t block = 0;
  for (int start = 0; start < channels; ++start) {
    EXPECT_EQ(weights.first_block[start], static_cast<int32_t>(block));
    for (int i = 0; i < weights.counts[start]; ++i, ++block) {
      const int lane = weights.lanes[block];
      EXPECT_LE(start + n, channels);
      if (i > 0) {
        EXPECT_GT(lane, weights.lanes[block - 1]);
      }
      for (int c = start; c < start + n; ++c) {
        sum[c * lanes + lane] += weights.values[block * n + c % n];
      }
    }
  }
  EXPECT_EQ(block, weights.lanes.size());
  return sum;
}

class CoverTest : public testing::TestWithParam<std::tuple<int, int>> {};

TEST_P(CoverTest, IsTheSmallestAndHoldsTheLayer) {
  const auto& [channels, lanes] = GetParam();
  for (const double density : {0.0, 0.05, 0.3, 1.0}) {
    const Matrix matrix = RandomMatrix(channels, lanes, density);
    const CoverCounts counts = CountCover(matrix.weights.data(), channels, lanes);
    EXPECT_EQ(counts.nonzeros(),
              channels * lanes - std::count(matrix.weights.begin(), matrix.weights.end(), 0.0f));
    for (size_t i = 0; i < kBlockSizes.size(); ++i) {
      const int n = kBlockSizes[i];
      if (n > channels) {
        EXPECT_EQ(counts.blocks[i], 0);
        continue;
      }
      EXPECT_EQ(counts.blocks[i], FewestBlocks(matrix, n)) << "N = " << n;
      LayerWeights layer;
      layer.attributes.in_channels = lanes;
      layer.attributes.out_channels = channels;
      layer.dense.weights = matrix.weights.data();
      const KernelWeights packed = KernelWeightsOf(layer, n);
      EXPECT_EQ(packed.lanes.size(), static_cast<size_t>(counts.blocks[i])) << "N = " << n;
      EXPECT_EQ(Unpack(packed, channels, lanes), matrix.weights) << "N = " << n;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, CoverTest,
                         testing::Combine(testing::Values(1, 2, 3, 4, 7, 8, 16, 17, 40),
                                          testing::Values(1, 5, 63, 64, 65, 130)),
                         [](const auto& info) {
                           return std::to_string(std::get<0>(info.param)) + "channels" +
                                  std::to_string(std::get<1>(info.param)) + "lanes";
                         });

TEST(CoverValuesTest, OnlyZerosAreZero) {
  const float values[] = {0.0f,
                          -0.0f,
                          std::numeric_limits<float>::quiet_NaN(),
                          std::numeric_limits<float>::infinity(),
                          std::numeric_limits<float>::denorm_min(),
                          -1.0f};
  EXPECT_EQ(CountCover(values, 6, 1).nonzeros(), 4);
  EXPECT_EQ(CountCover(values, 1, 6).nonzeros(), 4);
  LayerWeights layer;
  layer.attributes.out_channels = 6;
  layer.dense.weights = values;
  const KernelWeights packed = KernelWeightsOf(layer, 4);
  ASSERT_EQ(packed.counts, (std::vector<int32_t>{0, 0, 1, 0, 0, 0}));
  EXPECT_TRUE(std::isnan(packed.values[2]));  // channel 2
  EXPECT_EQ(packed.values[3], values[3]);
}

TEST(SampleZerosTest, CountsAllWeightsOfASmallLayer) {
  const Matrix matrix = RandomMatrix(20, 31, 0.4);
  const auto zeros = std::count(matrix.weights.begin(), matrix.weights.end(), 0.0f);
  EXPECT_EQ(SampleZeros(matrix.weights.data(), 20, 31), zeros / 620.0);
}

TEST(SampleZerosTest, FindsZerosOfLargeLayersInAnyPattern) {
  constexpr int kSize = 512;
  const auto share = [](auto is_zero) {
    std::vector<float> weights(kSize * kSize);
    for (int i = 0; i < kSize * kSize; ++i)
      weights[i] = is_zero(i / kSize, i % kSize) ? 0.0f : 1.0f;
    return SampleZeros(weights.data(), kSize, kSize);
  };
  EXPECT_EQ(share([](int, int) { return false; }), 0.0);
  EXPECT_EQ(share([](int, int) { return true; }), 1.0);
  const auto half = testing::AllOf(testing::Ge(0.2), testing::Le(0.8));
  EXPECT_THAT(share([](int channel, int) { return channel % 2 == 0; }), half);
  EXPECT_THAT(share([](int channel, int) { return channel < kSize / 2; }), half);
  EXPECT_THAT(share([](int, int lane) { return lane % 2 == 0; }), half);
  EXPECT_THAT(share([](int, int lane) { return lane < kSize / 2; }), half);
  EXPECT_THAT(share([](int, int lane) { return lane / 128 % 2 == 0; }), half);
}

// Values are used in the model only if a pipelined kernel may read beyond the last block there.
TEST(KernelWeightsTest, ValuesBeyondTheLastBlockAreReadable) {
  for (const int lanes : {1, 20, 200}) {
    TestLayer layer = MakeTestLayer(Pointwise(lanes, 12, 4), 1.0, false, 7);
    layer.packed.shrink_to_fit();
    const KernelWeights weights = KernelWeightsOf(layer.Packed(), 4);
    const size_t blocks = weights.lanes.size();
    EXPECT_EQ(weights.owned_values.empty(), blocks >= kValuesBeyond * sizeof(float));
    volatile float last = 0.0f;  // an address sanitizer looks
    for (size_t i = 0; i < kValuesBeyond; ++i) last = weights.values[4 * blocks + i];
    static_cast<void>(last);
  }
}

}  // namespace
}  // namespace ubp
