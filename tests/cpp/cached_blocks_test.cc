// SPDX-License-Identifier: Apache-2.0
// Blocks and counts of covers that come from a weight cache are those that are made without one,
// whatever the cache holds.

#include "delegate/weights/cached_blocks.h"

#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "delegate/graph/cache_slot.h"
#include "delegate/weights/weights.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/cpp/temporary_directory.h"
#include "tests/cpp/test_layer.h"

namespace ubp {
namespace {

using ::testing::HasSubstr;

constexpr char kName[] = "m.cache";
constexpr int kLanes = 20;
constexpr int kChannels = 40;

std::vector<float> ValuesOf(const KernelWeights& weights) {
  return {weights.values, weights.values + weights.lanes.size() * weights.block_size};
}

void ExpectSame(const KernelWeights& actual, const KernelWeights& expected) {
  EXPECT_EQ(actual.block_size, expected.block_size);
  EXPECT_EQ(actual.counts, expected.counts);
  EXPECT_EQ(actual.first_block, expected.first_block);
  EXPECT_EQ(actual.lanes, expected.lanes);
  EXPECT_EQ(ValuesOf(actual), ValuesOf(expected));
  EXPECT_EQ(actual.bias, expected.bias);
  EXPECT_EQ(actual.bytes(), expected.bytes());
}

TestLayer MakeLayer(ValueType type, uint32_t seed, double density = 0.3) {
  LayerAttributes attributes = Pointwise(kLanes, kChannels, 4);
  attributes.value_type = type;
  return MakeTestLayer(attributes, density, true, seed);
}

class CachedBlocksTest : public testing::Test {
 protected:
  std::unique_ptr<WeightCache> Open() {
    std::unique_ptr<WeightCache> cache;
    const Status status = WeightCache::Open(directory_.File(kName), &cache);
    EXPECT_TRUE(status.ok()) << status.message();
    return cache;
  }

  // Makes the layer's blocks with a cache, and expects those that are made without.
  WeightCacheSummary ExpectSameFromCache(LayerWeights layer, int block_size) {
    layer.slot = CacheSlot();
    const KernelWeights expected = KernelWeightsOf(layer, block_size);
    const std::unique_ptr<WeightCache> cache = Open();
    layer.slot.cache = cache.get();
    ExpectSame(KernelWeightsOf(layer, block_size), expected);
    return cache->Commit();
  }

  TemporaryDirectory directory_;
};

TEST_F(CachedBlocksTest, DenseLayers) {
  for (const int block_size : {1, 2, 4, 8, 16}) {
    for (const double density : {0.0, 0.3, 1.0}) {
      const TestLayer layer = MakeLayer(ValueType::kFloat32, 1, density);
      std::vector<float> dense;
      const LayerWeights weights = layer.Dense(&dense);
      EXPECT_EQ(ExpectSameFromCache(weights, block_size).added, 1u);
      const WeightCacheSummary warm = ExpectSameFromCache(weights, block_size);
      EXPECT_EQ(warm.found, 1u);
      EXPECT_EQ(warm.added, 0u);
    }
  }
}

TEST_F(CachedBlocksTest, ConvertedLayersThatCannotBeReadInPlace) {
  const struct {
    ValueType type;
    int block_size;
  } cases[] = {{ValueType::kFloat16, 4}, {ValueType::kBfloat16, 4}, {ValueType::kFloat32, 2}};
  for (const auto& [type, block_size] : cases) {
    const TestLayer layer = MakeLayer(type, 1);
    EXPECT_EQ(ExpectSameFromCache(layer.Packed(), block_size).added, 1u);
    EXPECT_EQ(ExpectSameFromCache(layer.Packed(), block_size).found, 1u);
  }
}

TEST_F(CachedBlocksTest, ConvertedLayersReadInPlaceAreNotCached) {
  const TestLayer layer = MakeLayer(ValueType::kFloat32, 1);
  const WeightCacheSummary summary = ExpectSameFromCache(layer.Packed(), 4);
  EXPECT_EQ(summary.found + summary.added, 0u);
  EXPECT_TRUE(directory_.Names().empty());
}

TEST_F(CachedBlocksTest, OtherWeightsAreNotFound) {
  std::vector<float> dense;
  const TestLayer layer = MakeLayer(ValueType::kFloat32, 1);
  LayerWeights weights = layer.Dense(&dense);
  ExpectSameFromCache(weights, 4);
  for (const size_t changed : {size_t{0}, dense.size() / 2, dense.size() - 1}) {
    std::vector<float> other = dense;
    other[changed] += 1.0f;
    weights.dense.weights = other.data();
    const WeightCacheSummary summary = ExpectSameFromCache(weights, 4);
    EXPECT_EQ(summary.found, 0u);
    EXPECT_EQ(summary.dropped, 1u);
  }
}

TEST_F(CachedBlocksTest, TheSameBytesInAnotherShapeOrTypeAreNotFound) {
  std::vector<float> dense;
  const TestLayer layer = MakeLayer(ValueType::kFloat32, 1);
  LayerWeights weights = layer.Dense(&dense);
  ExpectSameFromCache(weights, 4);
  weights.attributes.in_channels = kChannels;
  weights.attributes.out_channels = kLanes;
  weights.dense.bias = nullptr;
  EXPECT_EQ(ExpectSameFromCache(weights, 4).found, 0u);

  const TestLayer half = MakeLayer(ValueType::kFloat16, 1);
  ExpectSameFromCache(half.Packed(), 4);
  TestLayer brain = half;
  brain.attributes.value_type = ValueType::kBfloat16;
  Encode(&brain);
  EXPECT_EQ(ExpectSameFromCache(brain.Packed(), 4).found, 0u);
}

TEST_F(CachedBlocksTest, OtherKernelsHaveBlocksOfTheirOwn) {
  std::vector<float> dense;
  const TestLayer layer = MakeLayer(ValueType::kFloat32, 1);
  const LayerWeights weights = layer.Dense(&dense);
  ExpectSameFromCache(weights, 8);
  EXPECT_EQ(ExpectSameFromCache(weights, 4).found, 0u);
  EXPECT_EQ(ExpectSameFromCache(weights, 4).found, 1u);
}

TEST_F(CachedBlocksTest, CountsOfCovers) {
  std::vector<float> dense;
  MakeLayer(ValueType::kFloat32, 1).Dense(&dense);
  const CoverCounts expected = CountCover(dense.data(), kChannels, kLanes);
  for (const bool warm : {false, true}) {
    const std::unique_ptr<WeightCache> cache = Open();
    CacheSlot slot;
    slot.cache = cache.get();
    EXPECT_EQ(CountCover(dense.data(), kChannels, kLanes, &slot).blocks, expected.blocks);
    ASSERT_TRUE(slot.fingerprint.has_value());
    EXPECT_EQ(slot.fingerprint->low, FingerprintOfDense(dense.data(), kChannels, kLanes).low);
    EXPECT_EQ(cache->Commit().found, warm ? 1u : 0u);
  }
}

// A cache whose only entry is `bytes`, with a right checksum.
class ForgedEntryTest : public CachedBlocksTest {
 protected:
  ForgedEntryTest() : layer_(MakeLayer(ValueType::kFloat32, 1)), weights_(layer_.Dense(&dense_)) {
    ExpectSameFromCache(weights_, 4);
    const std::string file = directory_.Read(kName);
    std::vector<WeightEntry> entries;
    EXPECT_TRUE(
        ReadWeightFile(reinterpret_cast<const uint8_t*>(file.data()), file.size(), &entries).ok());
    key_ = entries[0].key;
    bytes_ = file.substr(entries[0].offset, entries[0].size);
  }

  int32_t& Number(size_t index) { return reinterpret_cast<int32_t*>(bytes_.data())[index]; }

  void ExpectRefused(const std::string& what) {
    WeightEntry entry;
    entry.key = key_;
    entry.offset = sizeof(WeightFileHeader);
    entry.size = bytes_.size();
    entry.checksum = ChecksumOf(bytes_.data(), bytes_.size());
    const uint64_t table_offset = (entry.offset + entry.size + 63) / 64 * 64;
    const WeightFileHeader header = MakeWeightFileHeader({entry}, table_offset);
    std::string file(reinterpret_cast<const char*>(&header), sizeof(header));
    file += bytes_;
    file.resize(table_offset);
    file.append(reinterpret_cast<const char*>(&entry), sizeof(entry));
    directory_.Write(kName, file);
    const WeightCacheSummary summary = ExpectSameFromCache(weights_, 4);
    EXPECT_EQ(summary.found, 0u) << what;
    EXPECT_EQ(summary.added, 1u) << what;
    EXPECT_THAT(summary.warnings, testing::ElementsAre(HasSubstr("is damaged"))) << what;
    EXPECT_EQ(ExpectSameFromCache(weights_, 4).found, 1u) << what;
  }

  TestLayer layer_;
  std::vector<float> dense_;
  LayerWeights weights_;
  WeightKey key_;
  std::string bytes_;
};

constexpr size_t kFirstLane = 48;  // counts [40], padded to 64 bytes
constexpr int32_t kMost = 0x7FFFFFFF;

TEST_F(ForgedEntryTest, CountsThatReachBeyondTheValues) {
  const std::string intact = bytes_;
  for (const int32_t change : {100, 1000, kMost / 2, kMost}) {
    bytes_ = intact;
    Number(0) = change == kMost ? kMost : Number(0) + change;
    ExpectRefused("change by " + std::to_string(change));
  }
}

TEST_F(ForgedEntryTest, NegativeCountsAndSumsThatOverflow) {
  Number(1) += Number(0) + 5;
  Number(0) = -5;
  ExpectRefused("a negative count");
  for (size_t i = 0; i < 37; ++i) Number(i) = kMost;
  ExpectRefused("a sum beyond 32 bits");
}

TEST_F(ForgedEntryTest, BlocksThatCrossTheLastChannel) {
  const int32_t moved = Number(0);
  ASSERT_GT(moved, 0);
  Number(0) = 0;
  Number(37) = moved;
  ExpectRefused("a start channel with too few channels behind it");
}

TEST_F(ForgedEntryTest, LanesThatTheLayerDoesNotHave) {
  for (const int32_t lane : {kLanes, -1, kMost, -kMost}) {
    const int32_t intact = Number(kFirstLane);
    Number(kFirstLane) = lane;
    ExpectRefused("lane " + std::to_string(lane));
    Number(kFirstLane) = intact;
  }
}

TEST_F(ForgedEntryTest, EntriesOfOtherSizes) {
  const std::string intact = bytes_;
  for (const size_t size : {size_t{0}, size_t{1}, size_t{159}, size_t{192}, intact.size() - 64}) {
    bytes_ = intact.substr(0, size);
    ExpectRefused(std::to_string(size) + " bytes");
  }
  bytes_ = intact + std::string(64, '\0');
  ExpectRefused("too many bytes");
}

TEST_F(ForgedEntryTest, CountsOfCoversThatNoLayerHas) {
  for (const int64_t blocks : {int64_t{-1}, int64_t{kLanes * kChannels + 1}, INT64_MAX}) {
    const std::unique_ptr<WeightCache> cache = Open();
    WeightKey key = key_;
    key.content = static_cast<int32_t>(CachedContent::kCoverCounts);
    key.block_size = 0;
    const std::vector<int64_t> forged(5, blocks);
    cache->Add(key, {{forged.data(), sizeof(int64_t) * forged.size()}});
    CacheSlot slot;
    slot.cache = cache.get();
    EXPECT_EQ(CountCover(dense_.data(), kChannels, kLanes, &slot).blocks,
              CountCover(dense_.data(), kChannels, kLanes).blocks);
  }
}

// What is in an entry is part of the file's format, as is the rule by which layers are covered.
TEST_F(CachedBlocksTest, WhatIsWrittenBelongsToTheVersion) {
  std::vector<float> dense(kChannels * kLanes);
  for (size_t i = 0; i < dense.size(); ++i) dense[i] = i % 5 == 0 || i % 7 == 0 ? i + 1.0f : 0.0f;
  LayerWeights weights;
  weights.attributes = Pointwise(kLanes, kChannels, 4);
  weights.dense.weights = dense.data();
  ExpectSameFromCache(weights, 4);
  const std::string file = directory_.Read(kName);
  EXPECT_EQ(ChecksumOf(file.data(), file.size()), 9736101695905415449u)
      << "raise kWeightFileVersion, and set this to what is found";
}

}  // namespace
}  // namespace ubp
