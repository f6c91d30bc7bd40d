// SPDX-License-Identifier: Apache-2.0
// What a context and a queue have done so far, for tests and reports.
#ifndef UBP_DELEGATE_OPENCL_RUNTIME_COUNTERS_H_
#define UBP_DELEGATE_OPENCL_RUNTIME_COUNTERS_H_

#include <atomic>
#include <cstdint>

namespace ubp::opencl {

// Of a context.
struct Counters {
  std::atomic<int64_t> programs_built{0};       // compiled from source
  std::atomic<int64_t> programs_from_cache{0};  // not compiled, but read
  std::atomic<int64_t> buffer_bytes{0};         // that there are now
};

// Of a queue.
struct Transfers {
  int64_t uploads = 0;    // mapped for writing
  int64_t downloads = 0;  // mapped for reading
  int64_t writes = 0;     // of Queue::Write: weights
  int64_t written_bytes = 0;
  int64_t kernels = 0;
};

}  // namespace ubp::opencl

#endif  // UBP_DELEGATE_OPENCL_RUNTIME_COUNTERS_H_
