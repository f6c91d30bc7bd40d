// SPDX-License-Identifier: Apache-2.0
// A weight cache in a directory of its own, with entries whose bytes follow from their number.
#ifndef UBP_TESTS_CPP_WEIGHT_CACHE_FIXTURE_H_
#define UBP_TESTS_CPP_WEIGHT_CACHE_FIXTURE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "delegate/cache/weight_cache.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/cpp/temporary_directory.h"

namespace ubp {

inline constexpr char kName[] = "m.cache";

inline WeightKey Key(uint64_t source) {
  WeightKey key;
  key.source = {source, 0};
  return key;
}

// Bytes that differ from entry to entry.
inline std::string Content(uint64_t source) {
  return std::string(100 + source, static_cast<char>('a' + source));
}

class WeightCacheTest : public testing::Test {
 protected:
  std::unique_ptr<WeightCache> Open() {
    std::unique_ptr<WeightCache> cache;
    const Status status = WeightCache::Open(directory_.File(kName), &cache);
    EXPECT_TRUE(status.ok()) << status.message();
    return cache;
  }

  static std::string Find(WeightCache* cache, uint64_t source) {
    const CachedBytes bytes = cache->Find(Key(source));
    if (bytes.data == nullptr) return "";
    return std::string(reinterpret_cast<const char*>(bytes.data.get()), bytes.size);
  }

  static std::string Padded(const std::string& content) {
    std::string padded = content;
    padded.resize((content.size() + 63) / 64 * 64);
    return padded;
  }

  static bool Add(WeightCache* cache, uint64_t source) {
    const std::string content = Content(source);
    const CachedBytes added = cache->Add(Key(source), {{content.data(), content.size()}});
    return added.data != nullptr && std::string(reinterpret_cast<const char*>(added.data.get()),
                                                added.size) == Padded(content);
  }

  // A file with the entries 1 .. count.
  void Make(uint64_t count) {
    const auto cache = Open();
    for (uint64_t source = 1; source <= count; ++source) EXPECT_TRUE(Add(cache.get(), source));
    EXPECT_THAT(cache->Commit().warnings, testing::IsEmpty());
  }

  TemporaryDirectory directory_;
};

}  // namespace ubp

#endif  // UBP_TESTS_CPP_WEIGHT_CACHE_FIXTURE_H_
