// SPDX-License-Identifier: Apache-2.0
// The threads of a ThreadPool, and the loop that they share.
//
// Jobs are handed out one by one. A waiting thread spins for some microseconds, so that the next
// loop of the same inference finds it awake, and then sleeps, so that it takes nothing from other
// work. Run() never waits for a thread that has not begun a job: a thread that the system does not
// schedule costs nothing but its help. One that loses its core in the midst of a job does cost; so
// loops run without helpers for a while when that happens (stall_guard.h).
#ifndef UBP_DELEGATE_BASE_THREAD_TEAM_H_
#define UBP_DELEGATE_BASE_THREAD_TEAM_H_

#include <pthread.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <vector>

#include "delegate/base/stall_guard.h"

namespace ubp {

class ThreadTeam {
 public:
  using Call = void (*)(const void* function, int job, int thread);

  // `threads` includes the one that calls Run(). Starts fewer where the system starts no more.
  explicit ThreadTeam(int threads);
  // In the process that made the team: waits for its threads to end.
  ~ThreadTeam();
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }
  // Whether this process made the team. In a forked child its threads do not exist, and its mutexes
  // may be theirs for good: there is nothing to be done with it, not even to destroy it.
  bool is_own() const;

  // As ThreadPool::Run.
  void Run(int jobs, Call call, const void* function);

 private:
  struct Worker {
    ThreadTeam* team;
    int number;
    pthread_t handle;
  };

  static void* Start(void* worker);
  void WorkerLoop(int thread);
  bool RunOneJob(int thread);
  bool JobsLeft() const;
  void WaitForHelpers(int jobs, int own_jobs, StallGuard::Clock::time_point begin);

  // The loop being run. A job is claimed by raising next_: the loop's number in the upper 32 bits,
  // the next job in the lower. A claim that succeeds proves that the loop is not over, and so that
  // the three fields belong to it.
  std::atomic<uint64_t> next_{0};
  std::atomic<Call> call_{nullptr};
  std::atomic<const void*> function_{nullptr};
  std::atomic<int> jobs_{0};
  std::atomic<int> finished_{0};

  std::mutex run_;  // held by the caller of Run()

  StallGuard stall_guard_;  // by whoever is in Run()

  std::mutex sleep_;
  std::condition_variable wake_;
  std::atomic<int> sleepers_{0};
  std::atomic<bool> stop_{false};
  const uint64_t made_at_;  // ForkCount()
  std::vector<Worker> workers_;
};

}  // namespace ubp

#endif  // UBP_DELEGATE_BASE_THREAD_TEAM_H_
