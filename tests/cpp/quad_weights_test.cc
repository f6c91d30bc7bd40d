// SPDX-License-Identifier: Apache-2.0
// The cover of an int8 layer by blocks of quads, and what is kept beside it.

#include "delegate/weights/quad_weights.h"

#include <algorithm>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace ubp {
namespace {

std::vector<int8_t> RandomWeights(const QuadSizes& sizes, double density, uint32_t seed) {
  std::vector<int8_t> weights(int64_t{sizes.out_c} * sizes.taps * sizes.in_c, 0);
  std::minstd_rand random(seed);
  for (int8_t& weight : weights) {
    if (std::bernoulli_distribution(density)(random)) {
      weight = static_cast<int8_t>(std::uniform_int_distribution<int>(-127, 127)(random));
    }
  }
  return weights;
}

QuadWeights Pack(const std::vector<int8_t>& weights, const QuadSizes& sizes, int block_size) {
  const std::vector<float> scales(sizes.out_c, 0.5f);
  QuadWeights packed;
  PackQuads(weights.data(), scales.data(), nullptr, sizes, {0.25f, -7, 2.0f, 0x80}, block_size,
            &packed);
  return packed;
}

// The dense weights that blocks stand for.
std::vector<int8_t> Unpack(const QuadWeights& packed, const QuadSizes& sizes) {
  std::vector<int8_t> weights(int64_t{sizes.out_c} * sizes.taps * sizes.in_c, 0);
  const int n = packed.block_size;
  size_t block = 0;
  for (int start = 0; start < static_cast<int>(packed.counts.size()); ++start) {
    EXPECT_EQ(packed.first_block[start], static_cast<int32_t>(block));
    for (int i = 0; i < packed.counts[start]; ++i, ++block) {
      const int group = packed.groups[block];
      for (int c = start; c < start + n; ++c) {
        for (int k = 0; k < kQuad; ++k) {
          const int8_t value = packed.values[(block * n + c % n) * kQuad + k];
          const int channel = group % sizes.in_quads() * kQuad + k;
          if (c >= sizes.out_c || channel >= sizes.in_c) {
            EXPECT_EQ(value, 0);
            continue;
          }
          const int tap = group / sizes.in_quads();
          int8_t& weight = weights[(int64_t{c} * sizes.taps + tap) * sizes.in_c + channel];
          EXPECT_EQ(weight, 0) << "two blocks overlap";
          weight = value;
        }
      }
    }
  }
  EXPECT_EQ(packed.groups.size(), block);
  EXPECT_EQ(packed.values.size(), block * n * kQuad + kQuadValuesBeyond);
  return weights;
}

// The least number of blocks that cover the rows marked, by trying all ways to begin the next block.
int LeastBlocks(const std::vector<bool>& marked, int block_size, size_t from) {
  while (from < marked.size() && !marked[from]) ++from;
  if (from >= marked.size()) return 0;
  int least = 1 << 20;
  const size_t first = from + 1 >= size_t(block_size) ? from + 1 - block_size : 0;
  for (size_t start = first; start <= from; ++start) {
    least = std::min(least, 1 + LeastBlocks(marked, block_size, start + block_size));
  }
  return least;
}

TEST(QuadWeightsTest, CoverAllWeightsWithTheFewestBlocks) {
  for (const QuadSizes& sizes :
       {QuadSizes{13, 1, 8}, QuadSizes{5, 9, 6}, QuadSizes{16, 2, 3}, QuadSizes{1, 1, 1}}) {
    for (const int block_size : {1, 2, 4, 8}) {
      for (const double density : {0.0, 0.05, 0.2, 1.0}) {
        const std::vector<int8_t> weights = RandomWeights(sizes, density, 11);
        const QuadWeights packed = Pack(weights, sizes, block_size);
        ASSERT_EQ(packed.counts.size() % kQuadChannels, 0u);
        ASSERT_EQ(Unpack(packed, sizes), weights);
        int least = 0;
        for (int group = 0; group < sizes.groups(); ++group) {
          std::vector<bool> marked(sizes.out_c);
          for (int c = 0; c < sizes.out_c; ++c) {
            const int first = group % sizes.in_quads() * kQuad;
            const int tap = group / sizes.in_quads();
            for (int k = first; k < std::min(first + kQuad, sizes.in_c); ++k) {
              const bool is_zero = weights[(int64_t{c} * sizes.taps + tap) * sizes.in_c + k] == 0;
              marked[c] = marked[c] || !is_zero;
            }
          }
          least += LeastBlocks(marked, block_size, 0);
        }
        ASSERT_EQ(static_cast<int>(packed.groups.size()), least);
      }
    }
  }
}

TEST(QuadWeightsTest, PutTheZeroPointIntoTheBias) {
  const QuadSizes sizes{3, 1, 2};
  const std::vector<int8_t> weights = {1, 2, 0, 0, -100, -27};
  const std::vector<float> scales = {0.1f, 0.2f, 0.3f};
  const std::vector<int32_t> bias = {10, 20, 30};
  QuadWeights packed;
  PackQuads(weights.data(), scales.data(), bias.data(), sizes, {0.25f, -7, 2.0f, 0x80}, 4, &packed);
  ASSERT_EQ(packed.bias.size(), 8u + 16u);
  ASSERT_EQ(packed.scale.size(), packed.bias.size());
  EXPECT_EQ(packed.bias[0], 10 - (128 - 7) * 3);
  EXPECT_EQ(packed.bias[1], 20);
  EXPECT_EQ(packed.bias[2], 30 + (128 - 7) * 127);
  for (int c = 0; c < 3; ++c) EXPECT_EQ(packed.scale[c], 0.25f * scales[c] / 2.0f);
  EXPECT_TRUE(std::all_of(packed.scale.begin() + 3, packed.scale.end(),
                          [](float scale) { return scale == 0.0f; }));
}

TEST(QuadDepthwiseWeightsTest, PadChannelsWithZeros) {
  const std::vector<int8_t> weights = {1, 2, 3, 4, 5, 6};  // [2 taps, 3 channels]
  const std::vector<float> scales = {0.1f, 0.2f, 0.3f};
  const QuadDepthwiseWeights packed =
      PackQuadDepthwise(weights.data(), scales.data(), nullptr, 2, 3, {1.0f, 3, 1.0f, 0});
  EXPECT_EQ(packed.channels, 4);
  EXPECT_EQ(packed.weights, (std::vector<int8_t>{1, 2, 3, 0, 4, 5, 6, 0}));
  EXPECT_EQ(packed.bias, (std::vector<int32_t>{-15, -21, -27, 0}));
  EXPECT_EQ(packed.scale.back(), 0.0f);
}

}  // namespace
}  // namespace ubp
