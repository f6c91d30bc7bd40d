// SPDX-License-Identifier: Apache-2.0
// How the work of a kernel is divided, by measurement: results are the same for every division.
#ifndef UBP_DELEGATE_OPENCL_PLAN_TUNER_H_
#define UBP_DELEGATE_OPENCL_PLAN_TUNER_H_

#include <cstddef>
#include <functional>

#include "delegate/base/status.h"
#include "delegate/opencl/kernels/launch.h"
#include "delegate/opencl/runtime/cache_directory.h"
#include "delegate/opencl/runtime/queue.h"

namespace ubp::opencl {

class Tuner {
 public:
  // What was measured is kept in `cache`, and read from there; null: nowhere. Without `measure` what the
  // cache does not have is guessed. Both outlive the tuner.
  Tuner(Queue* queue, CacheDirectory* cache, bool measure)
      : queue_(*queue), cache_(cache), measure_(measure) {}

  // Sets `best` to the number of the candidate that takes the least time, or leaves it as it is, a guess.
  // `make(i, &launch)` makes the i-th of `count`; what it writes must be free to be written. `key` says
  // all that the times depend on, the device left aside.
  Status Choose(CacheKey key, size_t count, const std::function<Status(size_t, Launch*)>& make,
                size_t* best);

 private:
  Status Time(const Launch& launch, double* least);

  Queue& queue_;
  CacheDirectory* const cache_;
  const bool measure_;
};

}  // namespace ubp::opencl

#endif  // UBP_DELEGATE_OPENCL_PLAN_TUNER_H_
