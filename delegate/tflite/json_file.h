// SPDX-License-Identifier: Apache-2.0
// A JSON file that the delegate writes because an option names it.
#ifndef UBP_DELEGATE_TFLITE_JSON_FILE_H_
#define UBP_DELEGATE_TFLITE_JSON_FILE_H_

#include <cstdint>
#include <ostream>
#include <string>
#include <utility>

#include "delegate/base/fork.h"
#include "delegate/base/status.h"

namespace ubp {

// Prints a text as a JSON string: UTF-8 by TFLite's convention, which nobody checks. Each byte that is
// not part of it becomes U+FFFD.
struct Quoted {
  const std::string& text;
};

std::ostream& operator<<(std::ostream& out, const Quoted& quoted);

// Not thread-safe.
class JsonFile {
 public:
  // `what` it is, for messages: "report".
  JsonFile(std::string what, std::string path) : what_(std::move(what)), path_(std::move(path)) {}

  // Writes the file as a whole, and over what was written before. Fails where that cannot be done,
  // somebody else made the file, or this process was forked since: the file is its parent's.
  Status Write(const std::string& text);

 private:
  const std::string what_;
  const std::string path_;
  const uint64_t made_at_ = ForkCount();
  bool created_ = false;  // by this object
};

}  // namespace ubp

#endif  // UBP_DELEGATE_TFLITE_JSON_FILE_H_
