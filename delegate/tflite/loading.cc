// SPDX-License-Identifier: Apache-2.0
#include "delegate/tflite/loading.h"

#include <exception>
#include <mutex>
#include <string>

#include "delegate/tflite/log.h"

namespace ubp {
namespace {

void LogCache(const WeightCacheSummary& summary, bool log_info) {
  for (const std::string& warning : summary.warnings) Log(LogLevel::kWarning, warning);
  if (!log_info || summary.found + summary.added == 0) return;
  const std::string dropped = summary.dropped == 0 ? ""
                                                   : ", " + std::to_string(summary.dropped) +
                                                         " of other weights or kernels dropped";
  Log(LogLevel::kInfo, "weight cache: " + std::to_string(summary.found) + " entries found, " +
                           std::to_string(summary.added) + " added" + dropped + "; " +
                           std::to_string(summary.bytes / 1024) + " KiB.");
}

}  // namespace

// The C++ standard library throws when memory runs out; nothing may be thrown here.
Loading::~Loading() {
  try {
    Finish();
  } catch (const std::exception& error) {
    Log(LogLevel::kWarning, std::string("the weight cache is not written: ") + error.what());
  }
}

void Loading::Finish() {
  if (cache_ != nullptr) LogCache(cache_->Commit(), log_info_);
  ReleaseMappedMemory(copied_);
}

void Loading::AddCopied(const std::vector<MemoryRange>& ranges) {
  const std::lock_guard<ForkSafeMutex> lock(*mutex_);
  copied_.insert(copied_.end(), ranges.begin(), ranges.end());
}

}  // namespace ubp
