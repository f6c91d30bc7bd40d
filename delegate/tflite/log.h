// SPDX-License-Identifier: Apache-2.0
// Messages for the person who runs the program, on stderr, one line each.
#ifndef UBP_DELEGATE_TFLITE_LOG_H_
#define UBP_DELEGATE_TFLITE_LOG_H_

#include <string>

namespace ubp {

enum class LogLevel { kInfo, kWarning, kError };

void Log(LogLevel level, const std::string& message);

}  // namespace ubp

#endif  // UBP_DELEGATE_TFLITE_LOG_H_
