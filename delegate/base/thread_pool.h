// SPDX-License-Identifier: Apache-2.0
// A pool of threads for the short parallel loops of an inference.
#ifndef UBP_DELEGATE_BASE_THREAD_POOL_H_
#define UBP_DELEGATE_BASE_THREAD_POOL_H_

#include <atomic>

#include "delegate/base/thread_team.h"

namespace ubp {

// In a forked child a pool works as in the parent, whatever the parent's threads were doing: its
// first loop there starts threads anew, which takes memory, and throws where there is none.
class ThreadPool {
 public:
  // `threads` includes the one that calls Run(); at least 1. Where the system starts no more threads,
  // the pool makes do with those it got.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // As many as it got when it was made. Never changes; in a forked child it may be fewer that run.
  int threads() const { return threads_; }

  // Calls function(job, thread) for each job in 0 .. jobs-1, and returns when all are done. thread
  // is in 0 .. threads()-1; no two calls with the same thread run at once; jobs must not wait for
  // each other. Calls of Run() from several threads take turns. Function must not throw.
  template <class Function>
  void Run(int jobs, const Function& function) {
    OwnTeam()->Run(jobs, &Call<Function>, &function);
  }

 private:
  template <class Function>
  static void Call(const void* function, int job, int thread) {
    (*static_cast<const Function*>(function))(job, thread);
  }

  // This process's.
  ThreadTeam* OwnTeam();

  std::atomic<ThreadTeam*> team_;
  const int threads_;
};

}  // namespace ubp

#endif  // UBP_DELEGATE_BASE_THREAD_POOL_H_
