// SPDX-License-Identifier: Apache-2.0
// How long the steps of a delegate's plans take, as a JSON file (option `profile`).
#ifndef UBP_DELEGATE_TFLITE_PROFILE_H_
#define UBP_DELEGATE_TFLITE_PROFILE_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "delegate/backend/step_profile.h"
#include "delegate/base/fork.h"
#include "delegate/base/status.h"
#include "delegate/tflite/json_file.h"

namespace ubp {

// docs/delegate.md describes the file. Thread-safe.
class Profile {
 public:
  // Makes the file, without plans as yet. Fails where there is one already, or none can be made.
  // `kernel`: the name of the kernels that the plans run with.
  static Status Make(const std::string& path, std::string kernel,
                     std::unique_ptr<Profile>* profile);

  // Adds a plan that will not run any more, with its number of threads, and writes the file. Ignores
  // one that never ran.
  Status Add(const std::vector<StepProfile>& steps, int threads);

 private:
  Profile(const std::string& path, std::string kernel)
      : kernel_(std::move(kernel)), file_("profile", path) {}

  Status Write();

  const std::string kernel_;
  ForkSafeMutex mutex_;  // guards what follows
  JsonFile file_;
  std::string plans_;  // JSON objects, separated by commas
};

}  // namespace ubp

#endif  // UBP_DELEGATE_TFLITE_PROFILE_H_
