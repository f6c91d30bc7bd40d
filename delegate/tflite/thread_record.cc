// SPDX-License-Identifier: Apache-2.0
#include "delegate/tflite/thread_record.h"

#include <exception>

namespace ubp {

void ThreadRecord::AddError(const std::string& message) noexcept {
  ++errors;
  try {
    error = message;
  } catch (const std::exception&) {  // no memory
    error.clear();
  }
}

ThreadRecord& RecordOfThread() {
  thread_local ThreadRecord record;
  return record;
}

}  // namespace ubp
