// A pool of threads for the short parallel loops of an inference.
//
// Jobs are handed out one by one. A waiting thread spins for some microseconds, so that the next
// loop of the same inference finds it awake, and then sleeps, so that it takes nothing from other
// work. Run() never waits for a thread that has not begun a job: a thread that the system does not
// schedule costs nothing but its help. One that loses its core in the midst of a job does cost; so
// loops run without helpers for a while when that happens (stall_guard.h).
#ifndef UBP_DELEGATE_CPU_THREAD_POOL_H_
#define UBP_DELEGATE_CPU_THREAD_POOL_H_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include "delegate/cpu/stall_guard.h"

namespace ubp {

class ThreadPool {
 public:
  // `threads` includes the one that calls Run(); at least 1.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls function(job, thread) for each job in 0 .. jobs-1, and returns when all are done. thread
  // is in 0 .. threads()-1; no two calls with the same thread run at once; jobs must not wait for
  // each other. Calls of Run() from
  // several threads take turns. Function must not throw.
  template <class Function>
  void Run(int jobs, const Function& function) {
    RunErased(jobs, &Call<Function>, &function);
  }

 private:
  using Erased = void (*)(const void* function, int job, int thread);

  template <class Function>
  static void Call(const void* function, int job, int thread) {
    (*static_cast<const Function*>(function))(job, thread);
  }

  void RunErased(int jobs, Erased call, const void* function);
  void WorkerLoop(int thread);
  bool RunOneJob(int thread);
  bool JobsLeft() const;
  void WaitForHelpers(int jobs, int own_jobs, StallGuard::Clock::time_point begin);

  // The loop being run. A job is claimed by raising next_: the loop's number in the upper 32 bits,
  // the next job in the lower. A claim that succeeds proves that the loop is not over, and so that
  // the three fields belong to it.
  std::atomic<uint64_t> next_{0};
  std::atomic<Erased> call_{nullptr};
  std::atomic<const void*> function_{nullptr};
  std::atomic<int> jobs_{0};
  std::atomic<int> finished_{0};

  std::mutex run_;  // held by the caller of Run()

  StallGuard stall_guard_;  // by whoever is in Run()

  std::mutex sleep_;
  std::condition_variable wake_;
  std::atomic<int> sleepers_{0};
  std::atomic<bool> stop_{false};
  std::vector<std::thread> workers_;
};

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_THREAD_POOL_H_
