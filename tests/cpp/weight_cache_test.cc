// SPDX-License-Identifier: Apache-2.0
// The weight cache as a store of bytes: what was added is found again, also by who else uses the
// file at the same time.

#include "delegate/cache/weight_cache.h"

#include <sys/stat.h>

#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/cpp/weight_cache_fixture.h"

namespace ubp {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST_F(WeightCacheTest, FindsWhatWasAdded) {
  const auto cold = Open();
  EXPECT_EQ(Find(cold.get(), 1), "");
  EXPECT_TRUE(Add(cold.get(), 1));
  EXPECT_TRUE(Add(cold.get(), 2));
  EXPECT_THAT(directory_.Names(),
              testing::Not(testing::Contains(kName)));  // not before it is complete
  const WeightCacheSummary written = cold->Commit();
  EXPECT_EQ(written.added, 2u);
  EXPECT_EQ(written.dropped, 0u);
  EXPECT_THAT(written.warnings, IsEmpty());
  EXPECT_THAT(directory_.Names(), ElementsAre(kName));

  const auto warm = Open();
  EXPECT_EQ(Find(warm.get(), 1), Padded(Content(1)));
  EXPECT_EQ(Find(warm.get(), 2), Padded(Content(2)));
  EXPECT_EQ(Find(warm.get(), 3), "");
  const WeightCacheSummary read = warm->Commit();
  EXPECT_EQ(read.found, 2u);
  EXPECT_EQ(read.added, 0u);
  EXPECT_EQ(read.bytes, written.bytes);
  EXPECT_EQ(warm->Commit().found, 0u);  // since it was last asked
}

TEST_F(WeightCacheTest, SectionsAreAligned) {
  const auto cache = Open();
  const CachedBytes bytes = cache->Add(Key(1), {{"abc", 3}, {nullptr, 0}, {"de", 2}});
  ASSERT_EQ(bytes.size, 128u);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(bytes.data.get()) % 64, 0u);
  EXPECT_EQ(bytes.data.get()[2], 'c');
  EXPECT_EQ(bytes.data.get()[3], 0);
  EXPECT_EQ(bytes.data.get()[64], 'd');
}

TEST_F(WeightCacheTest, NothingIsWrittenWhereNothingWasAdded) {
  Open()->Commit();
  EXPECT_THAT(directory_.Names(), IsEmpty());
  Make(2);
  const std::string before = directory_.Read(kName);
  const auto cache = Open();
  Find(cache.get(), 1);
  EXPECT_EQ(cache->Commit().dropped, 0u);
  EXPECT_EQ(directory_.Read(kName), before);
}

TEST_F(WeightCacheTest, WhatIsNotCommittedLeavesNothingBehind) {
  {
    const auto cache = Open();
    EXPECT_TRUE(Add(cache.get(), 1));
  }
  EXPECT_THAT(directory_.Names(), IsEmpty());
}

TEST_F(WeightCacheTest, EntriesOutliveTheCacheAndTheFile) {
  Make(1);
  CachedBytes found, added;
  {
    const auto cache = Open();
    found = cache->Find(Key(1));
    added = cache->Add(Key(2), {{"new", 3}});
  }
  std::filesystem::remove(directory_.File(kName));
  EXPECT_EQ(found.data.get()[0], 'b');
  EXPECT_EQ(added.data.get()[0], 'n');
}

TEST_F(WeightCacheTest, KeepsWhatIsUsedAndDropsTheRest) {
  Make(3);
  const auto cache = Open();
  Find(cache.get(), 2);
  Add(cache.get(), 7);
  const WeightCacheSummary summary = cache->Commit();
  EXPECT_EQ(summary.found, 1u);
  EXPECT_EQ(summary.added, 1u);
  EXPECT_EQ(summary.dropped, 2u);
  const auto again = Open();
  EXPECT_EQ(Find(again.get(), 1), "");
  EXPECT_EQ(Find(again.get(), 2), Padded(Content(2)));
  EXPECT_EQ(Find(again.get(), 7), Padded(Content(7)));
}

TEST_F(WeightCacheTest, CommitsMoreThanOnce) {
  const auto cache = Open();
  for (uint64_t source = 1; source <= 3; ++source) {
    EXPECT_TRUE(Add(cache.get(), source));
    EXPECT_EQ(cache->Commit().added, 1u);
  }
  const auto again = Open();
  for (uint64_t source = 1; source <= 3; ++source) {
    EXPECT_EQ(Find(again.get(), source), Padded(Content(source)));
  }
}

TEST_F(WeightCacheTest, AllPartsOfTheKeyCount) {
  const auto cache = Open();
  WeightKey key = Key(1);
  cache->Add(key, {{"x", 1}});
  for (int part = 0; part < 6; ++part) {
    WeightKey other = key;
    int32_t* const numbers[] = {&other.out_channels, &other.lanes, &other.content,
                                &other.block_size};
    if (part < 4) {
      *numbers[part] = 5;
    } else {
      (part == 4 ? other.source.low : other.source.high) ^= uint64_t{1} << 63;
    }
    EXPECT_EQ(cache->Find(other).data, nullptr) << part;
  }
}

TEST_F(WeightCacheTest, TheLastOfTwoWritersWins) {
  const auto one = Open();
  const auto other = Open();
  EXPECT_TRUE(Add(one.get(), 1));
  EXPECT_TRUE(Add(other.get(), 2));
  EXPECT_THAT(one->Commit().warnings, IsEmpty());
  EXPECT_EQ(Find(Open().get(), 1), Padded(Content(1)));
  EXPECT_THAT(other->Commit().warnings, IsEmpty());
  EXPECT_EQ(Find(Open().get(), 1), "");
  EXPECT_EQ(Find(Open().get(), 2), Padded(Content(2)));
  EXPECT_EQ(Find(one.get(), 1), Padded(Content(1)));
  EXPECT_THAT(directory_.Names(), ElementsAre(kName));
}

TEST_F(WeightCacheTest, ManyThreadsSeeWholeFilesOnly) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int round = 0; round < 20; ++round) {
        const auto cache = Open();
        const uint64_t source = 1 + t % 2;
        if (Find(cache.get(), source).empty()) {
          EXPECT_TRUE(Add(cache.get(), source));
        }
        EXPECT_THAT(cache->Commit().warnings, IsEmpty());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(directory_.Names(), ElementsAre(kName));
}

TEST_F(WeightCacheTest, ThreadsShareOneCache) {
  const auto cache = Open();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (uint64_t source = 1; source <= 20; ++source) {
        if (Find(cache.get(), source).empty()) {
          EXPECT_TRUE(Add(cache.get(), source));
        }
        if (source % 5 == 0) {
          EXPECT_THAT(cache->Commit().warnings, IsEmpty());
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto again = Open();
  for (uint64_t source = 1; source <= 20; ++source) {
    EXPECT_EQ(Find(again.get(), source), Padded(Content(source)));
  }
}

TEST_F(WeightCacheTest, LinksStayLinks) {
  Make(1);
  const std::string link = directory_.File("link");
  std::filesystem::create_symlink(kName, link);
  std::unique_ptr<WeightCache> cache;
  ASSERT_TRUE(WeightCache::Open(link, &cache).ok());
  EXPECT_TRUE(Add(cache.get(), 2));
  EXPECT_THAT(cache->Commit().warnings, IsEmpty());
  EXPECT_TRUE(std::filesystem::is_symlink(link));
  EXPECT_EQ(Find(Open().get(), 2), Padded(Content(2)));
}

TEST_F(WeightCacheTest, PermissionsAreThoseOfTheFileReplacedOrOfAnyNewFile) {
  const auto mode = [&] {
    struct stat status;
    return stat(directory_.File(kName).c_str(), &status) == 0 ? status.st_mode & 0777 : 0;
  };
  const mode_t before = umask(027);
  Make(1);
  EXPECT_EQ(mode(), 0640u);
  ASSERT_EQ(chmod(directory_.File(kName).c_str(), 0604), 0);
  const auto cache = Open();
  Add(cache.get(), 2);
  cache->Commit();
  umask(before);
  EXPECT_EQ(mode(), 0604u);
}

}  // namespace
}  // namespace ubp
