// SPDX-License-Identifier: Apache-2.0
#include "delegate/base/fork.h"

#include <pthread.h>

#include <atomic>

namespace ubp {
namespace {

std::atomic<uint64_t> fork_count{0};

std::mutex list_mutex;  // guards the list
ForkSafeMutex* first = nullptr;

}  // namespace

// What fork() calls: before it in the parent, after it in both processes.
class ForkHandlers {
 public:
  static void Prepare() {
    list_mutex.lock();
    for (ForkSafeMutex* m = first; m != nullptr; m = m->next_) m->mutex_.lock();
  }

  static void InParent() {
    for (ForkSafeMutex* m = first; m != nullptr; m = m->next_) m->mutex_.unlock();
    list_mutex.unlock();
  }

  static void InChild() {
    fork_count.fetch_add(1);
    InParent();
  }
};

namespace {

// When the library is loaded, and not at the first use: a child of a fork in the midst of that would
// wait for it forever.
[[maybe_unused]] const int registered =
    pthread_atfork(&ForkHandlers::Prepare, &ForkHandlers::InParent, &ForkHandlers::InChild);

}  // namespace

uint64_t ForkCount() { return fork_count.load(); }

ForkSafeMutex::ForkSafeMutex() {
  const std::lock_guard<std::mutex> lock(list_mutex);
  next_ = first;
  if (first != nullptr) first->previous_ = this;
  first = this;
}

ForkSafeMutex::~ForkSafeMutex() {
  const std::lock_guard<std::mutex> lock(list_mutex);
  (previous_ != nullptr ? previous_->next_ : first) = next_;
  if (next_ != nullptr) next_->previous_ = previous_;
}

}  // namespace ubp
