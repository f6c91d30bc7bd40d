// SPDX-License-Identifier: Apache-2.0
// What tests/python/toolchains builds with each toolchain, to look at the library that comes out.

#include <numeric>
#include <vector>

#include "delegate/base/thread_pool.h"

// Returns 0 + 1 + ... + (jobs - 1), computed by `threads` threads.
extern "C" __attribute__((visibility("default"))) int ubp_probe(int jobs, int threads) {
  std::vector<int> numbers(jobs);
  ubp::ThreadPool pool(threads);
  pool.Run(jobs, [&numbers](int job, int) { numbers[job] = job; });
  return std::accumulate(numbers.begin(), numbers.end(), 0);
}
