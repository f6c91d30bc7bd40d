// SPDX-License-Identifier: Apache-2.0
// What is made on the host for kernels: weights, ranges, the division of work, the table of variants.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "delegate/opencl/kernels/dense_weights.h"
#include "delegate/opencl/kernels/kernel_table.h"
#include "delegate/opencl/kernels/sparse_weights.h"
#include "delegate/opencl/kernels/tiling.h"

namespace ubp::opencl {
namespace {

std::vector<int32_t> RandomFirst(int channels, int most, std::mt19937* random) {
  std::vector<int32_t> first = {0};
  for (int s = 0; s < channels; ++s) {
    first.push_back(first.back() + static_cast<int32_t>((*random)() % (most + 1)));
  }
  return first;
}

// All channels once, in ranges that begin at multiples of the block size; none costs more than its
// share and one group of channels.
TEST(CutRanges, CoversAllChannelsEvenly) {
  std::mt19937 random(1);
  for (int i = 0; i < 500; ++i) {
    const int block_size = 1 << random() % 5;
    const int channels = 1 + static_cast<int>(random() % 200);
    const int count = 1 + static_cast<int>(random() % 20);
    const std::vector<int32_t> first = RandomFirst(channels, 9, &random);
    const std::vector<int32_t> cuts = CutRanges(first, block_size, count);
    ASSERT_GE(cuts.size(), 2u);
    ASSERT_LE(cuts.size(), static_cast<size_t>(count) + 1);
    EXPECT_EQ(cuts.front(), 0);
    EXPECT_EQ(cuts.back(), channels);
    const double share = static_cast<double>(first[channels] + channels) / count;
    for (size_t r = 0; r + 1 < cuts.size(); ++r) {
      ASSERT_LT(cuts[r], cuts[r + 1]);
      EXPECT_EQ(cuts[r] % block_size, 0);
      const int32_t cost = first[cuts[r + 1]] - first[cuts[r]] + cuts[r + 1] - cuts[r];
      EXPECT_LE(cost, share + 10.0 * block_size) << "range " << r;
    }
  }
}

TEST(CutRanges, NoBlocks) {
  EXPECT_EQ(CutRanges(std::vector<int32_t>(9, 0), 4, 2), (std::vector<int32_t>{0, 4, 8}));
  EXPECT_EQ(CutRanges({0, 0}, 4, 3), (std::vector<int32_t>{0, 1}));
}

TEST(FoursOf, OnlyWhereAllBlocksAreFours) {
  constexpr int32_t kPlane = 100;
  const std::vector<int32_t> offsets = {0, 100, 200, 300, 1207, 1307, 1407, 1507};
  EXPECT_EQ(FoursOf({0, 4, 4, 8}, offsets, kPlane), (std::vector<int32_t>{0, 1207}));
  EXPECT_EQ(FoursOf({0, 8, 8, 8}, offsets, kPlane), (std::vector<int32_t>{0, 1207}));
  EXPECT_TRUE(FoursOf({0, 4, 5, 8}, offsets, kPlane).empty());
  EXPECT_TRUE(FoursOf({0, 4, 4, 8}, offsets, kPlane + 1).empty());
  std::vector<int32_t> other = offsets;
  other[6] += 1;
  EXPECT_TRUE(FoursOf({0, 4, 4, 8}, other, kPlane).empty());
  EXPECT_TRUE(FoursOf({0, 0, 0, 0}, {}, kPlane).empty());
}

TEST(PackDense, EveryWeightInItsPlace) {
  for (const int channels : {1, 7, 8, 9, 33}) {
    for (const int lanes : {1, 5}) {
      for (const int per_item : {4, 8, 16}) {
        std::vector<float> weights(size_t{1} * channels * lanes);
        for (size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<float>(i + 1);
        std::vector<float> bias(channels, 3.0f);
        const DenseWeights packed =
            PackDense(weights.data(), bias.data(), channels, lanes, per_item);
        const int groups = (channels + per_item - 1) / per_item;
        ASSERT_EQ(packed.weights.size(), size_t{1} * groups * lanes * per_item);
        ASSERT_EQ(packed.bias.size(), size_t{1} * groups * per_item);
        for (int c = 0; c < groups * per_item; ++c) {
          EXPECT_EQ(packed.bias[c], c < channels ? 3.0f : 0.0f);
          for (int k = 0; k < lanes; ++k) {
            const int at = (c / per_item * lanes + k) * per_item + c % per_item;
            EXPECT_EQ(packed.weights[at], c < channels ? weights[c * lanes + k] : 0.0f);
          }
        }
      }
    }
  }
  EXPECT_EQ(PackDense(std::vector<float>(4).data(), nullptr, 1, 4, 4).bias[0], 0.0f);
}

constexpr DeviceShape kPhone = {20, 512, 32};
constexpr DeviceShape kLarge = {132, 1024, 64};

// What kernels have, of registers that there are.
TEST(Tiling, ChoosesVariantsThatThereAre) {
  for (const DeviceShape& device : {kPhone, kLarge, DeviceShape{1, 32, 32}}) {
    for (const int64_t pixels : {1, 2, 16, 49, 196, 3136, 12544, 401408, 8388608}) {
      for (const int channels : {1, 3, 16, 100, 2048}) {
        for (const int n : {1, 2, 4, 8, 16}) {
          const SparseTiling sparse = ChooseSparseTiling(device, pixels, channels, 50, n);
          EXPECT_TRUE(sparse.pixels_per_item == 1 ||
                      sparse.pixels_per_item * n <= device.max_accumulators);
          EXPECT_LE(sparse.pixels_per_item, 4);
          EXPECT_TRUE(sparse.tile == 16 || sparse.tile == 64);
          EXPECT_LE(sparse.tile, device.max_work_group_size);
          EXPECT_GE(sparse.ranges, 1);
        }
        const int m = ChooseDenseChannels(device, channels, false);
        const DenseTiling dense = ChooseDenseTiling(device, pixels, channels, m);
        EXPECT_TRUE(dense.pixels_per_item == 1 ||
                    dense.pixels_per_item * m <= device.max_accumulators);
        EXPECT_LE(dense.tile, device.max_work_group_size);
        const DepthwiseTiling depthwise = ChooseDepthwiseTiling(device, pixels, channels, 3);
        EXPECT_GE(depthwise.pixels_per_item, 1);
        EXPECT_LE(depthwise.pixels_per_item, device.max_accumulators / 16);
        EXPECT_GE(depthwise.channels_per_group, 1);
        EXPECT_LE(depthwise.channels_per_group, 4);
      }
    }
  }
}

TEST(Tiling, ManyPixelsShareWeightsAndFewAreDividedByChannels) {
  for (const DeviceShape& device : {kPhone, kLarge}) {
    const SparseTiling many = ChooseSparseTiling(device, 32 * 56 * 56, 256, 3000, 4);
    EXPECT_EQ(many.pixels_per_item, 4);
    const SparseTiling few = ChooseSparseTiling(device, 49, 1024, 50000, 4);
    EXPECT_EQ(few.pixels_per_item, 1);
    EXPECT_GE(few.ranges, 16);
  }
  // A layer without blocks writes its biases.
  EXPECT_GE(ChooseSparseTiling(kLarge, 49, 64, 0, 4).ranges, 1);
}

TEST(KernelTable, VariantsDiffer) {
  for (const Precision precision : {Precision::kFp32, Precision::kFp16Storage, Precision::kFp16}) {
    std::set<std::string> seen;
    for (const KernelVariant& variant : ListVariants(precision)) {
      EXPECT_TRUE(seen.insert(variant.family->file + variant.options).second)
          << variant.family->file << " " << variant.options;
    }
    EXPECT_GT(seen.size(), 100u);
  }
}

TEST(KernelTable, SaysThatThereIsNoSuchKernel) {
  Kernel kernel;
  for (const Choice& choice :
       {Choice{{"N", "3"}}, Choice{{"N", "4"}}, Choice{{"X", "1"}}, Choice{}}) {
    const Status status =
        MakeVariant(nullptr, "sparse_convolution", Precision::kFp32, choice, &kernel);
    EXPECT_NE(status.message().find("sparse_convolution"), std::string::npos) << status.message();
  }
  EXPECT_FALSE(MakeVariant(nullptr, "nothing", Precision::kFp32, {}, &kernel).ok());
}

}  // namespace
}  // namespace ubp::opencl
