// SPDX-License-Identifier: Apache-2.0
// What a thread has seen of the delegate, for those who call a runtime that keeps it to itself.
#ifndef UBP_DELEGATE_TFLITE_THREAD_RECORD_H_
#define UBP_DELEGATE_TFLITE_THREAD_RECORD_H_

#include <cstddef>
#include <string>

namespace ubp {

struct ThreadRecord {
  size_t requests = 0;  // how often LiteRT has asked for a delegate
  // Since the last of these: how many nodes delegates were shown, and how many of them they took.
  size_t nodes = 0;
  size_t nodes_taken = 0;
  size_t errors = 0;  // how often something was refused or failed
  std::string error;  // why, the last time

  void AddError(const std::string& message) noexcept;
};

// The calling thread's.
ThreadRecord& RecordOfThread();

}  // namespace ubp

#endif  // UBP_DELEGATE_TFLITE_THREAD_RECORD_H_
