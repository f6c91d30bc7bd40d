// SPDX-License-Identifier: Apache-2.0
// What a library that has threads needs to survive fork(): the child has the caller's memory, but of
// its threads only the one that called fork().
#ifndef UBP_DELEGATE_BASE_FORK_H_
#define UBP_DELEGATE_BASE_FORK_H_

#include <cstdint>
#include <mutex>

namespace ubp {

// How many calls of fork() lie between the process that loaded this library and the present one:
// where it exceeds what it was when an object was made, the object is inherited, and the threads it
// knows are not there. One atomic load.
uint64_t ForkCount();

// A mutex that a forked child finds free, and what it guards whole: fork() waits until nobody holds
// one. Whoever holds one takes no other, and makes and destroys none. Meets the requirements of
// std::lock_guard.
class ForkSafeMutex {
 public:
  ForkSafeMutex();
  ~ForkSafeMutex();
  ForkSafeMutex(const ForkSafeMutex&) = delete;
  ForkSafeMutex& operator=(const ForkSafeMutex&) = delete;

  void lock() { mutex_.lock(); }
  void unlock() { mutex_.unlock(); }

 private:
  friend class ForkHandlers;

  std::mutex mutex_;
  // In the list of all of them.
  ForkSafeMutex* previous_ = nullptr;
  ForkSafeMutex* next_ = nullptr;
};

}  // namespace ubp

#endif  // UBP_DELEGATE_BASE_FORK_H_
