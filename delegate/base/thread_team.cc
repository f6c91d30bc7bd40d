// SPDX-License-Identifier: Apache-2.0
#include "delegate/base/thread_team.h"

#include <sched.h>

#include <cstddef>

#include "delegate/base/fork.h"

namespace ubp {
namespace {

constexpr int kSpins = 2000;  // some tens of microseconds

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

uint64_t LoopOf(uint64_t next) { return next >> 32; }
int JobOf(uint64_t next) { return static_cast<int>(next & 0xFFFFFFFF); }

}  // namespace

ThreadTeam::ThreadTeam(int threads) : made_at_(ForkCount()), workers_(threads - 1) {
  for (size_t i = 0; i < workers_.size(); ++i) {
    Worker& worker = workers_[i];  // stays where it is: workers_ only shrinks
    worker.team = this;
    worker.number = static_cast<int>(i) + 1;
    if (pthread_create(&worker.handle, nullptr, &Start, &worker) != 0) workers_.resize(i);
  }
}

ThreadTeam::~ThreadTeam() {
  {
    std::lock_guard<std::mutex> lock(sleep_);
    stop_.store(true);
  }
  wake_.notify_all();
  for (const Worker& worker : workers_) pthread_join(worker.handle, nullptr);
}

bool ThreadTeam::is_own() const { return made_at_ == ForkCount(); }

void* ThreadTeam::Start(void* worker) {
  const auto* const self = static_cast<const Worker*>(worker);
  self->team->WorkerLoop(self->number);
  return nullptr;
}

bool ThreadTeam::JobsLeft() const { return JobOf(next_.load()) < jobs_.load(); }

bool ThreadTeam::RunOneJob(int thread) {
  uint64_t next = next_.load();
  while (JobOf(next) < jobs_.load()) {
    const Call call = call_.load();
    const void* const function = function_.load();
    if (!next_.compare_exchange_weak(next, next + 1)) continue;
    call(function, JobOf(next), thread);
    finished_.fetch_add(1);
    return true;
  }
  return false;
}

void ThreadTeam::Run(int jobs, Call call, const void* function) {
  if (jobs <= 0) return;
  std::lock_guard<std::mutex> run(run_);
  const StallGuard::Clock::time_point begin = StallGuard::Clock::now();
  if (workers_.empty() || jobs == 1 || stall_guard_.RunsAlone(begin)) {
    for (int job = 0; job < jobs; ++job) call(function, job, 0);
    return;
  }
  // Between loops no job is left, so nobody reads these fields to use them.
  call_.store(call);
  function_.store(function);
  finished_.store(0);
  const uint64_t loop = LoopOf(next_.load()) + 1;
  jobs_.store(0);
  next_.store(loop << 32);
  jobs_.store(jobs);
  if (sleepers_.load() > 0) {
    std::lock_guard<std::mutex> lock(sleep_);
    wake_.notify_all();
  }
  int own_jobs = 0;
  while (RunOneJob(0)) ++own_jobs;
  WaitForHelpers(jobs, own_jobs, begin);
}

void ThreadTeam::WaitForHelpers(int jobs, int own_jobs, StallGuard::Clock::time_point begin) {
  const StallGuard::Clock::time_point idle = StallGuard::Clock::now();
  for (int spins = 0; finished_.load() < jobs; ++spins) {
    if (spins < kSpins) {
      Pause();
    } else {
      sched_yield();
    }
  }
  const StallGuard::Clock::time_point end = StallGuard::Clock::now();
  stall_guard_.OnLoop(jobs, own_jobs, idle - begin, end - idle, end);
}

void ThreadTeam::WorkerLoop(int thread) {
  int spins = 0;
  while (!stop_.load()) {
    if (RunOneJob(thread)) {
      spins = 0;
    } else if (++spins < kSpins) {
      Pause();
    } else {
      std::unique_lock<std::mutex> lock(sleep_);
      sleepers_.fetch_add(1);
      wake_.wait(lock, [this] { return stop_.load() || JobsLeft(); });
      sleepers_.fetch_sub(1);
      spins = 0;
    }
  }
}

}  // namespace ubp
