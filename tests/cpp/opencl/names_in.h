// SPDX-License-Identifier: Apache-2.0
// What is in a directory, for tests of the cache.
#ifndef UBP_TESTS_CPP_OPENCL_NAMES_IN_H_
#define UBP_TESTS_CPP_OPENCL_NAMES_IN_H_

#include <filesystem>
#include <set>
#include <string>

namespace ubp::opencl {

// The directory must exist.
inline std::set<std::string> NamesIn(const std::string& directory) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    names.insert(entry.path().filename().string());
  }
  return names;
}

}  // namespace ubp::opencl

#endif  // UBP_TESTS_CPP_OPENCL_NAMES_IN_H_
