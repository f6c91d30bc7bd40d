// SPDX-License-Identifier: Apache-2.0
#include "delegate/base/thread_pool.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <memory>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tests/cpp/child.h"
#include "tests/cpp/no_more_threads.h"

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
  std::atomic<bool> helped{false};
  for (int loop = 0; loop < 100 && !helped; ++loop) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    pool.Run(4, [&](int, int thread) {
      if (thread == 1) helped = true;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    });
  }
  EXPECT_TRUE(helped);
}

TEST(ThreadPoolTest, RunsAloneAfterAStall) {
  ThreadPool pool(2);
  // The helper's job takes far longer than the caller's, as if it had lost its core.
  std::atomic<bool> stalled{false};
  for (int loop = 0; loop < 100 && !stalled; ++loop) {
    pool.Run(2, [&](int, int thread) {
      if (thread == 1) stalled = true;
      std::this_thread::sleep_for(std::chrono::milliseconds(thread == 1 ? 30 : 2));
    });
  }
  ASSERT_TRUE(stalled);
  pool.Run(50, [&](int, int thread) { EXPECT_EQ(thread, 0); });
}

using std::chrono::microseconds;
using std::chrono::milliseconds;
constexpr StallGuard::Clock::time_point kStart{std::chrono::hours(1)};

TEST(StallGuardTest, ComparesWithRunningAlone) {
  // Half of the jobs took 4 ms: alone, the other half would take 4 ms more.
  const auto runs_alone_after = [](int own_jobs, StallGuard::Duration own,
                                   StallGuard::Duration waited) {
    StallGuard guard;
    guard.OnLoop(8, own_jobs, own, waited, kStart);
    return guard.RunsAlone(kStart);
  };
  EXPECT_FALSE(runs_alone_after(4, milliseconds(4), milliseconds(4)));
  EXPECT_TRUE(runs_alone_after(4, milliseconds(4), milliseconds(5)));
  EXPECT_TRUE(runs_alone_after(7, milliseconds(7), milliseconds(2)));
  EXPECT_FALSE(runs_alone_after(0, milliseconds(0), milliseconds(20)));
}

TEST(StallGuardTest, AddsUpSmallLossesUnlessThereAreGains) {
  for (const bool gains : {false, true}) {
    StallGuard guard;
    for (int loop = 0; loop < 100; ++loop) {
      guard.OnLoop(2, 1, microseconds(10), microseconds(20), kStart);
      if (gains) guard.OnLoop(2, 1, microseconds(30), microseconds(10), kStart);
    }
    EXPECT_EQ(guard.RunsAlone(kStart), !gains);
  }
}

TEST(StallGuardTest, PausesLongerWhenStallsComeSoonAgain) {
  StallGuard guard;
  StallGuard::Clock::time_point now = kStart;
  const auto stall = [&] { guard.OnLoop(2, 1, milliseconds(1), milliseconds(9), now); };
  EXPECT_FALSE(guard.RunsAlone(now));
  for (const int pause : {20, 40, 80, 160, 320, 640, 1000, 1000}) {
    stall();
    EXPECT_TRUE(guard.RunsAlone(now + milliseconds(pause - 1)));
    EXPECT_FALSE(guard.RunsAlone(now + milliseconds(pause)));
    now += milliseconds(pause + 5);
  }
  now += std::chrono::seconds(10);
  stall();
  EXPECT_FALSE(guard.RunsAlone(now + milliseconds(20)));
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

TEST(ThreadPoolTest, RunsAloneWhereNoThreadCanBeStarted) {
  const NoMoreThreads limit;
  ThreadPool pool(8);
  EXPECT_EQ(pool.threads(), 1);
  std::vector<int> runs(20, 0);
  pool.Run(20, [&](int job, int thread) {
    ++runs[job];
    EXPECT_EQ(thread, 0);
  });
  EXPECT_EQ(runs, std::vector<int>(20, 1));
}

// Whether the process got no more addresses than this. Emulators do not tell the system.
bool LimitAddresses(size_t beyond_those_in_use) {
  size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  const size_t in_use = pages * static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const rlimit limit = {in_use + beyond_those_in_use, RLIM_INFINITY};
  if (setrlimit(RLIMIT_AS, &limit) != 0) return false;
  const size_t too_much = 2 * beyond_those_in_use;
  void* const memory =
      mmap(nullptr, too_much, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return true;
  munmap(memory, too_much);
  return false;
}

TEST(ThreadPoolTest, RunsWithTheThreadsThatItGot) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the sanitizer itself needs addresses";
#endif
  EXPECT_TRUE(SucceedsInChild([] {
    const bool limited = LimitAddresses(size_t{128} << 20);
    ThreadPool pool(64);
    EXPECT_TRUE(!limited || pool.threads() < 64);
    std::vector<int> runs(200, 0);
    pool.Run(200, [&](int job, int thread) {
      ++runs[job];
      EXPECT_LT(thread, pool.threads());
    });
    EXPECT_EQ(runs, std::vector<int>(200, 1));
  }));
}

}  // namespace
}  // namespace ubp
