// SPDX-License-Identifier: Apache-2.0
// How long something takes when it is done again and again.
#ifndef UBP_DELEGATE_BENCH_TIMING_H_
#define UBP_DELEGATE_BENCH_TIMING_H_

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <vector>

namespace ubp {

struct Timing {
  double median_ns;  // of one run
  int runs;
};

// Runs once to fill the caches, then for `milliseconds` and at least kFewestRuns times.
template <class Function>
Timing TimeRuns(const Function& run, double milliseconds) {
  using Clock = std::chrono::steady_clock;
  constexpr size_t kFewestRuns = 3;
  constexpr size_t kMostRuns = 1 << 20;
  run();
  std::vector<double> times;
  const Clock::time_point begin = Clock::now();
  Clock::time_point last = begin;
  const auto elapsed_ms = [&] {
    return std::chrono::duration<double, std::milli>(last - begin).count();
  };
  while (times.size() < kFewestRuns || (elapsed_ms() < milliseconds && times.size() < kMostRuns)) {
    run();
    const Clock::time_point now = Clock::now();
    times.push_back(std::chrono::duration<double, std::nano>(now - last).count());
    last = now;
  }
  const auto middle = times.begin() + times.size() / 2;
  std::nth_element(times.begin(), middle, times.end());
  return {*middle, static_cast<int>(times.size())};
}

}  // namespace ubp

#endif  // UBP_DELEGATE_BENCH_TIMING_H_
