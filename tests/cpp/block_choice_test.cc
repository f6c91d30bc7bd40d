// SPDX-License-Identifier: Apache-2.0
// Which dense layers are worth running in blocks, and in which. That the converter decides alike is
// tested in tests/end_to_end.

#include "delegate/backend/block_choice.h"

#include <limits>
#include <string>
#include <vector>

#include "delegate/cpu/costs.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/cpp/test_layer.h"

namespace ubp {
namespace {

constexpr double kDensity[] = {1.0, 0.5, 0.2, 0.05, 0.0};

// A layer of blocks of `n` channels.
BlockChoice Choose(int lanes, int channels, int n, double density, const LayerPixels& pixels) {
  const TestLayer layer = MakeTestLayer(Pointwise(lanes, channels, n), density, false, 7);
  std::vector<float> weights;
  CacheSlot no_cache;
  return ChooseBlocks(CpuCosts().blocks(), layer.Dense(&weights), pixels, &no_cache);
}

TEST(BlockChoiceTest, DenseLayersAreNotLookedAt) {
  for (const LayerPixels pixels : {LayerPixels{1, 1}, LayerPixels{196, 196}}) {
    const BlockChoice choice = Choose(256, 256, 4, 1.0, pixels);
    EXPECT_FALSE(choice.pays);
    EXPECT_EQ(choice.block_size, 0);
  }
}

TEST(BlockChoiceTest, FewerBlocksPay) {
  for (const LayerPixels pixels :
       {LayerPixels{1, 1}, LayerPixels{49, 49}, LayerPixels{3136, 3136}}) {
    double last = 0.0;
    for (const double density : {0.3, 0.05, 0.01, 0.0}) {
      const BlockChoice choice = Choose(256, 256, 4, density, pixels);
      EXPECT_GT(choice.speedup, last);
      last = choice.speedup;
      EXPECT_EQ(choice.pays, choice.speedup >= 1.1);
    }
    EXPECT_GT(last, 5.0);
  }
}

TEST(BlockChoiceTest, TakesTheSizeOfTheBlocks) {
  for (const int n : {1, 4, 8}) {
    const BlockChoice choice = Choose(256, 256, n, 0.1 / n, {196, 196});
    EXPECT_TRUE(choice.pays);
    EXPECT_EQ(choice.block_size, n);
  }
}

TEST(BlockChoiceTest, FewChannelsAndLanes) {
  for (const int channels : {1, 2, 3, 5, 15}) {
    for (const int lanes : {1, 3, 70}) {
      for (const double density : kDensity) {
        const BlockChoice choice = Choose(lanes, channels, 1, density, {100, 100});
        EXPECT_LE(choice.block_size, channels);
        if (choice.block_size > 0) {
          EXPECT_GT(choice.speedup, 0.0);
          EXPECT_LT(choice.speedup, std::numeric_limits<double>::infinity());
        }
      }
    }
  }
}

TEST(BlockChoiceTest, TransposesWeighMoreInNarrowLayers) {
  EXPECT_GT(Choose(512, 512, 4, 0.05, {196, 196}).speedup,
            Choose(32, 32, 4, 0.05, {196, 196}).speedup);
}

TEST(BlockChoiceTest, NonFiniteWeightsAreWeights) {
  std::vector<float> weights(64 * 64, std::numeric_limits<float>::quiet_NaN());
  CacheSlot no_cache;
  LayerWeights layer;
  layer.attributes = Pointwise(64, 64, 1);
  layer.dense.weights = weights.data();
  EXPECT_EQ(ChooseBlocks(CpuCosts().blocks(), layer, {196, 196}, &no_cache).block_size, 0);
}

TEST(BlockChoiceTest, SaysWhatWasFound) {
  const BlockChoice sparse = Choose(256, 256, 4, 0.0625, {784, 784});
  EXPECT_THAT(Describe(sparse), testing::MatchesRegex("(79|80)% zeros, covered by blocks of 4"));
  const BlockChoice dense = Choose(256, 256, 1, 0.6, {784, 784});
  EXPECT_THAT(Describe(dense), testing::HasSubstr("40% zeros, for which blocks of "));
  EXPECT_THAT(Describe(dense), testing::HasSubstr("x, below 1.1x"));
}

}  // namespace
}  // namespace ubp
