// SPDX-License-Identifier: Apache-2.0
#include "delegate/base/thread_pool.h"

#include <memory>

namespace ubp {

ThreadPool::ThreadPool(int threads)
    : team_(new ThreadTeam(threads)), threads_(team_.load()->threads()) {}

ThreadPool::~ThreadPool() {
  const ThreadTeam* const team = team_.load();
  if (team->is_own()) delete team;  // otherwise it stays: it cannot be destroyed
}

ThreadTeam* ThreadPool::OwnTeam() {
  ThreadTeam* team = team_.load();
  while (!team->is_own()) {
    auto made = std::make_unique<ThreadTeam>(threads_);
    // Unless another thread of the child was faster.
    if (team_.compare_exchange_strong(team, made.get())) team = made.release();
  }
  return team;
}

}  // namespace ubp
