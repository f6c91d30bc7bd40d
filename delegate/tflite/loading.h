// SPDX-License-Identifier: Apache-2.0
// The end of loading a model: what is done once, for all parts of it together.
#ifndef UBP_DELEGATE_TFLITE_LOADING_H_
#define UBP_DELEGATE_TFLITE_LOADING_H_

#include <vector>

#include "delegate/base/fork.h"
#include "delegate/base/mapped_memory.h"
#include "delegate/cache/weight_cache.h"

namespace ubp {

// Shared by all that take part in loading: the delegate while it decides, and every part until it
// has a plan. When the last one lets go of it,
//   - what was added to the weight cache is written, and a line logged on what the cache did;
//   - the model's own weights of which there are copies are given back to the system.
// Thread-safe.
class Loading {
 public:
  // `cache` may be null; it and `mutex` outlive this.
  Loading(WeightCache* cache, bool log_info, ForkSafeMutex* mutex)
      : cache_(cache), log_info_(log_info), mutex_(mutex) {}
  ~Loading();
  Loading(const Loading&) = delete;
  Loading& operator=(const Loading&) = delete;

  // Memory of the model that will not be read again as long as plans stay what they are.
  void AddCopied(const std::vector<MemoryRange>& ranges);

 private:
  void Finish();

  WeightCache* const cache_;
  const bool log_info_;
  ForkSafeMutex* const mutex_;  // guards copied_
  std::vector<MemoryRange> copied_;
};

}  // namespace ubp

#endif  // UBP_DELEGATE_TFLITE_LOADING_H_
