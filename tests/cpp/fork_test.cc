// SPDX-License-Identifier: Apache-2.0
// Pools, locks and files in a forked child, whatever the parent's other threads are doing.

#include "delegate/base/fork.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "delegate/base/thread_pool.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/cpp/child.h"
#include "tests/cpp/weight_cache_fixture.h"

namespace ubp {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Does something in another thread, over and over, for as long as it lives.
class Meanwhile {
 public:
  template <class Function>
  explicit Meanwhile(const Function& function)
      : thread_([this, function] {
          while (!stop_) function();
        }) {}
  ~Meanwhile() {
    stop_ = true;
    thread_.join();
  }

 private:
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

void ExpectRuns(ThreadPool* pool) {
  for (const int jobs : {1, 7, 100}) {
    std::vector<int> runs(jobs, 0);
    pool->Run(jobs, [&](int job, int thread) {
      ++runs[job];
      EXPECT_LT(thread, pool->threads());
    });
    EXPECT_EQ(runs, std::vector<int>(jobs, 1));
  }
}

// Whether each thread of the pool ran a job.
bool AllHelp(ThreadPool* pool) {
  std::vector<std::atomic<bool>> helped(pool->threads());
  const auto all = [&] {
    return std::all_of(helped.begin(), helped.end(), [](const auto& one) { return one.load(); });
  };
  for (int loop = 0; loop < 1000 && !all(); ++loop) {
    pool->Run(4, [&](int, int thread) {
      helped[thread] = true;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    });
  }
  return all();
}

class ForkedPoolTest : public testing::Test {
 protected:
  // With all its threads running: the address sanitizer holds locks of its own while a thread starts,
  // and a child forked just then has them held for good.
  static std::unique_ptr<ThreadPool> StartedPool() {
    auto pool = std::make_unique<ThreadPool>(3);
    EXPECT_TRUE(AllHelp(pool.get()));
    return pool;
  }

  void SetUp() override {
#if defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "the thread sanitizer ends a child that starts threads";
#endif
  }
};

TEST_F(ForkedPoolTest, RunsOnThreadsOfItsOwnAndIsDestroyed) {
  auto pool = StartedPool();
  ExpectRuns(pool.get());
  EXPECT_TRUE(SucceedsInChild([&] {
    ExpectRuns(pool.get());
    EXPECT_TRUE(AllHelp(pool.get()));
    EXPECT_TRUE(SucceedsInChild([&] {
      EXPECT_TRUE(AllHelp(pool.get()));
      pool = nullptr;
    })) << "a child of the child";
    ExpectRuns(pool.get());
    pool = nullptr;
  }));
  EXPECT_TRUE(SucceedsInChild([&] { pool = nullptr; })) << "that has not run";
  ExpectRuns(pool.get());
}

TEST_F(ForkedPoolTest, DoesNotWaitForALoopOfTheParent) {
  auto pool = StartedPool();
  std::vector<std::atomic<int>> counts(16);
  const Meanwhile busy([&] { pool->Run(16, [&](int job, int) { counts[job].fetch_add(1); }); });
  for (int fork = 0; fork < 40; ++fork) {
    ASSERT_TRUE(SucceedsInChild([&] {
      ExpectRuns(pool.get());
      pool = nullptr;
    })) << "fork "
        << fork;
  }
}

TEST_F(ForkedPoolTest, MayBeUsedByThreadsOfTheChildAtOnce) {
  const auto pool = StartedPool();
  EXPECT_TRUE(SucceedsInChild([&] {
    std::atomic<int> sum{0};
    std::vector<std::thread> callers;
    for (int caller = 0; caller < 4; ++caller) {
      callers.emplace_back([&] { pool->Run(10, [&](int job, int) { sum.fetch_add(job); }); });
    }
    for (std::thread& caller : callers) caller.join();
    EXPECT_EQ(sum, 4 * 45);
  }));
}

TEST(ForkSafeMutexTest, IsFreeInTheChildAndWhatItGuardsWhole) {
  ForkSafeMutex mutex;
  int first = 0, second = 0;  // always the same
  const auto raise = [&] {
    const std::lock_guard<ForkSafeMutex> lock(mutex);
    ++first;
    std::this_thread::sleep_for(std::chrono::microseconds(50));
    ++second;
  };
  const Meanwhile locking(raise);
  // As in interpreters that come and go.
  const Meanwhile making([] { std::optional<ForkSafeMutex>().emplace(); });
  for (int fork = 0; fork < 40; ++fork) {
    ASSERT_TRUE(SucceedsInChild([&] {
      EXPECT_EQ(first, second);
      raise();
    })) << "fork "
        << fork;
  }
}

TEST(ForkCountTest, CountsGenerations) {
  const uint64_t here = ForkCount();
  EXPECT_TRUE(SucceedsInChild([&] {
    EXPECT_EQ(ForkCount(), here + 1);
    EXPECT_TRUE(SucceedsInChild([&] { EXPECT_EQ(ForkCount(), here + 2); }));
  }));
  EXPECT_EQ(ForkCount(), here);
}

// Forked in the midst of loading.
class ForkedCacheTest : public WeightCacheTest {};

TEST_F(ForkedCacheTest, LeavesTheNewFileToTheParent) {
  auto cache = Open();
  EXPECT_TRUE(Add(cache.get(), 1));
  EXPECT_TRUE(SucceedsInChild([&] { cache = nullptr; }));
  EXPECT_TRUE(SucceedsInChild([&] { EXPECT_THAT(cache->Commit().warnings, IsEmpty()); }));
  EXPECT_TRUE(Add(cache.get(), 2));
  EXPECT_THAT(cache->Commit().warnings, IsEmpty());
  EXPECT_THAT(directory_.Names(), ElementsAre(kName));
  const auto again = Open();
  for (const uint64_t source : {1, 2})
    EXPECT_EQ(Find(again.get(), source), Padded(Content(source)));
}

TEST_F(ForkedCacheTest, TheChildWritesAFileOfItsOwn) {
  const auto cache = Open();
  EXPECT_TRUE(Add(cache.get(), 1));
  EXPECT_TRUE(SucceedsInChild([&] {
    EXPECT_TRUE(Add(cache.get(), 3));
    EXPECT_THAT(cache->Commit().warnings, IsEmpty());
    const auto again = Open();
    for (const uint64_t source : {1, 3}) {
      EXPECT_EQ(Find(again.get(), source), Padded(Content(source)));
    }
  }));
  EXPECT_THAT(cache->Commit().warnings, IsEmpty());
  EXPECT_EQ(Find(Open().get(), 1), Padded(Content(1)));
}

}  // namespace
}  // namespace ubp
