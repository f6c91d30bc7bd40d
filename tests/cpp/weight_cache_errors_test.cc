// SPDX-License-Identifier: Apache-2.0
// What is no weight cache is never touched, and nothing that goes wrong with one loses more than the
// time to make it anew.

#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <memory>
#include <string>

#include "delegate/cache/weight_cache.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/cpp/weight_cache_fixture.h"

namespace ubp {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using WeightCacheErrorsTest = WeightCacheTest;

TEST_F(WeightCacheErrorsTest, FilesOfOtherKindsAreRefusedAndKept) {
  for (const std::string& content :
       {std::string(), std::string("U"), std::string("UBP weight cach"), std::string(4096, 'x')}) {
    directory_.Write(kName, content);
    std::unique_ptr<WeightCache> cache;
    EXPECT_EQ(WeightCache::Open(directory_.File(kName), &cache).message(),
              "the delegate option 'weight_cache' is '" + directory_.File(kName) +
                  "', which exists and is not a weight cache; choose another name, or remove it.");
    EXPECT_EQ(directory_.Read(kName), content);
  }
}

TEST_F(WeightCacheErrorsTest, WhatIsNoFileIsRefused) {
  const std::string path = directory_.File(kName);
  std::unique_ptr<WeightCache> cache;
  ASSERT_EQ(mkdir(path.c_str(), 0700), 0);
  EXPECT_THAT(WeightCache::Open(path, &cache).message(), HasSubstr("is not a weight cache"));
  std::filesystem::remove(path);
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_THAT(WeightCache::Open(path, &cache).message(), HasSubstr("is not a weight cache"));
}

TEST_F(WeightCacheErrorsTest, WhatBecameAnotherFileMeanwhileIsKept) {
  const auto cache = Open();
  Add(cache.get(), 1);
  directory_.Write(kName, "precious");
  EXPECT_THAT(cache->Commit().warnings,
              ElementsAre(HasSubstr("a file of another kind has its name now.")));
  EXPECT_EQ(directory_.Read(kName), "precious");
  EXPECT_THAT(directory_.Names(), ElementsAre(kName));
}

// Wherever the file is damaged: entries that are not what they were are not found, and all is as it
// was once they have been added anew.
TEST_F(WeightCacheErrorsTest, AnyByteCounts) {
  Make(2);
  const std::string intact = directory_.Read(kName);
  for (size_t i = kWeightFileMagicBytes; i < intact.size(); i += 9) {
    std::string damaged = intact;
    damaged[i] = static_cast<char>(damaged[i] ^ (1 << (i % 8)));
    directory_.Write(kName, damaged);
    const auto cache = Open();
    size_t missing = 0;
    for (const uint64_t source : {1, 2}) {
      const std::string found = Find(cache.get(), source);
      if (found.empty()) {
        ++missing;
        EXPECT_TRUE(Add(cache.get(), source));
      } else {
        EXPECT_EQ(found, Padded(Content(source)));
      }
    }
    EXPECT_GE(missing, 1u) << "byte " << i;
    EXPECT_THAT(cache->Commit().warnings, testing::SizeIs(1)) << "byte " << i;
    const auto again = Open();
    for (const uint64_t source : {1, 2}) {
      EXPECT_EQ(Find(again.get(), source), Padded(Content(source)));
    }
  }
}

TEST_F(WeightCacheErrorsTest, SaysWhatIsDamaged) {
  Make(2);
  const std::string intact = directory_.Read(kName);
  directory_.Write(kName, intact.substr(0, 100));
  EXPECT_EQ(Open()->Commit().warnings[0], "the weight cache '" + directory_.File(kName) +
                                              "' is damaged (it has 100 bytes, expected " +
                                              std::to_string(intact.size()) +
                                              "); it is made anew.");
  std::string damaged = intact;
  damaged[64] ^= 1;
  directory_.Write(kName, damaged);
  const auto cache = Open();
  EXPECT_EQ(Find(cache.get(), 1), "");
  EXPECT_EQ(cache->Commit().warnings[0],
            "the weight cache '" + directory_.File(kName) +
                "' is damaged (1 of its entries are not what was written); they are made anew.");
}

TEST_F(WeightCacheErrorsTest, WhatIsGivenBackIsMadeAnew) {
  Make(1);
  const auto cache = Open();
  EXPECT_NE(Find(cache.get(), 1), "");
  cache->Reject(Key(1));
  cache->Reject(Key(2));  // that there is none of is no matter
  EXPECT_EQ(Find(cache.get(), 1), "");
  EXPECT_TRUE(Add(cache.get(), 1));
  const WeightCacheSummary summary = cache->Commit();
  EXPECT_EQ(summary.found, 0u);
  EXPECT_EQ(summary.added, 1u);
  EXPECT_THAT(summary.warnings, ElementsAre(HasSubstr("is damaged (1 of its entries")));
}

// As on a full disk.
TEST_F(WeightCacheErrorsTest, AFileThatCannotBeWrittenIsSaidOnce) {
  struct rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto on_signal = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small = {256, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto cache = Open();
  const bool first = Add(cache.get(), 1);
  const bool second = Add(cache.get(), 2);
  const bool third = Add(cache.get(), 3);
  const WeightCacheSummary summary = cache->Commit();
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, on_signal);
  EXPECT_TRUE(first);
  EXPECT_FALSE(second || third);
  EXPECT_EQ(Find(cache.get(), 1), Padded(Content(1)));  // as long as the process lives
  EXPECT_THAT(summary.warnings,
              ElementsAre("the weight cache '" + directory_.File(kName) +
                          "' cannot be written: File too large. Weights are packed at every "
                          "load."));
  EXPECT_THAT(directory_.Names(), IsEmpty());
}

TEST_F(WeightCacheErrorsTest, ADirectoryThatDoesNotExistIsSaidOnce) {
  std::unique_ptr<WeightCache> cache;
  ASSERT_TRUE(WeightCache::Open(directory_.File("nowhere/m.cache"), &cache).ok());
  EXPECT_FALSE(Add(cache.get(), 1));
  EXPECT_FALSE(Add(cache.get(), 2));
  EXPECT_THAT(cache->Commit().warnings,
              ElementsAre(HasSubstr("cannot be written: No such file or directory.")));
  EXPECT_THAT(cache->Commit().warnings, IsEmpty());
}

}  // namespace
}  // namespace ubp
