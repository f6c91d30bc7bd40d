#include "delegate/cpu/thread_pool.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace ubp {
namespace {

TEST(ThreadPoolTest, RunsEveryJobOnce) {
  for (const int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    for (const int jobs : {0, 1, 2, 7, 100}) {
      std::vector<int> runs(jobs, 0);
      pool.Run(jobs, [&](int job, int thread) {
        ++runs[job];
        ASSERT_GE(thread, 0);
        ASSERT_LT(thread, threads);
      });
      EXPECT_EQ(runs, std::vector<int>(jobs, 1));
    }
  }
}

TEST(ThreadPoolTest, NoThreadNumberIsUsedTwiceAtOnce) {
  ThreadPool pool(4);
  std::atomic<int> busy[4] = {};
  for (int loop = 0; loop < 200; ++loop) {
    pool.Run(16, [&](int, int thread) {
      EXPECT_EQ(busy[thread].fetch_add(1), 0);
      busy[thread].fetch_sub(1);
    });
  }
}

TEST(ThreadPoolTest, EachLoopSeesWhatTheOneBeforeWrote) {
  ThreadPool pool(3);
  std::vector<int> values(50, 0), next(50);
  for (int loop = 1; loop <= 2000; ++loop) {
    pool.Run(50, [&](int job, int) { next[job] = values[(job * 7 + loop) % 50] + 1; });
    values.swap(next);
    for (const int value : values) ASSERT_EQ(value, loop);
  }
}

TEST(ThreadPoolTest, WakesThreadsThatSleep) {
  ThreadPool pool(2);
  for (int loop = 0; loop < 5; ++loop) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    // Both jobs wait for each other, so both threads must come.
    std::atomic<int> arrived{0};
    pool.Run(2, [&](int, int) {
      arrived.fetch_add(1);
      while (arrived.load() < 2) std::this_thread::yield();
    });
    EXPECT_EQ(arrived.load(), 2);
  }
}

TEST(ThreadPoolTest, CallersTakeTurns) {
  ThreadPool pool(2);
  std::vector<int> sums(4, 0);
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&, caller] {
      for (int loop = 0; loop < 200; ++loop) {
        std::atomic<int> sum{0};
        pool.Run(10, [&](int job, int) { sum.fetch_add(job); });
        sums[caller] += sum.load();
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(sums, std::vector<int>(4, 200 * 45));
}

TEST(ThreadPoolTest, CanBeDestroyedAtAnyTime) {
  for (int i = 0; i < 100; ++i) {
    auto pool = std::make_unique<ThreadPool>(3);
    if (i % 2) pool->Run(5, [](int, int) {});
  }
}

}  // namespace
}  // namespace ubp
