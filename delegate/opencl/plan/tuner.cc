// SPDX-License-Identifier: Apache-2.0
#include "delegate/opencl/plan/tuner.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <limits>
#include <string>

namespace ubp::opencl {
namespace {

constexpr int kRounds = 3;
constexpr int kRuns = 4;  // in a round, so that waiting for the queue does not count

}  // namespace

Status Tuner::Choose(CacheKey key, size_t count, const std::function<Status(size_t, Launch*)>& make,
                     size_t* best) {
  key.push_back(std::to_string(count));  // of another list, a number is another candidate
  std::string known;
  if (cache_ != nullptr && cache_->Find(key, &known)) {
    const size_t number = std::strtoul(known.c_str(), nullptr, 10);
    if (number < count) {
      *best = number;
      return Status::Ok();
    }
  }
  if (!measure_) return Status::Ok();
  double least = std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < count; ++i) {
    Launch launch;
    UBP_RETURN_IF_ERROR(make(i, &launch));
    double time = 0.0;
    UBP_RETURN_IF_ERROR(Time(launch, &time));
    if (time < least) {
      least = time;
      *best = i;
    }
  }
  if (cache_ != nullptr) cache_->Put(key, std::to_string(*best));
  return Status::Ok();
}

Status Tuner::Time(const Launch& launch, double* least) {
  *least = std::numeric_limits<double>::infinity();
  for (int round = 0; round < 1 + kRounds; ++round) {
    const auto begin = std::chrono::steady_clock::now();
    for (int run = 0; run < kRuns; ++run) {
      UBP_RETURN_IF_ERROR(queue_.Run(launch.kernel, launch.global, launch.local));
    }
    UBP_RETURN_IF_ERROR(queue_.Finish());
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
    if (round > 0) *least = std::min(*least, time.count());  // the first warms up
  }
  return Status::Ok();
}

}  // namespace ubp::opencl
