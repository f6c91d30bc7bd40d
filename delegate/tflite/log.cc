// SPDX-License-Identifier: Apache-2.0
#include "delegate/tflite/log.h"

#include <cstdio>

namespace ubp {

void Log(LogLevel level, const std::string& message) {
  const char* const name = level == LogLevel::kInfo      ? "INFO"
                           : level == LogLevel::kWarning ? "WARNING"
                                                         : "ERROR";
  std::fprintf(stderr, "UBP delegate: %s: %s\n", name, message.c_str());
}

}  // namespace ubp
