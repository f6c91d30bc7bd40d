// SPDX-License-Identifier: Apache-2.0
// The result of an operation that may fail: nothing, or one sentence for the user.
#ifndef UBP_DELEGATE_BASE_STATUS_H_
#define UBP_DELEGATE_BASE_STATUS_H_

#include <string>
#include <utility>

namespace ubp {

class [[nodiscard]] Status {
 public:
  static Status Ok() { return Status(); }
  static Status Error(std::string message) {
    Status status;
    status.ok_ = false;
    status.message_ = std::move(message);
    return status;
  }

  bool ok() const { return ok_; }
  const std::string& message() const { return message_; }

 private:
  Status() = default;

  bool ok_ = true;
  std::string message_;
};

}  // namespace ubp

// Returns from the calling function when `expression` is an error.
#define UBP_RETURN_IF_ERROR(expression)        \
  do {                                         \
    ::ubp::Status ubp_status_ = (expression);  \
    if (!ubp_status_.ok()) return ubp_status_; \
  } while (false)

#endif  // UBP_DELEGATE_BASE_STATUS_H_
