// SPDX-License-Identifier: Apache-2.0
#include "delegate/tflite/litert_options.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "delegate/base/fork.h"

namespace ubp {
namespace {

struct Directories {
  ForkSafeMutex mutex;  // guards what follows
  std::map<std::string, OptionTexts> options;
};

// Never freed: threads may use it while the process ends.
Directories& AllDirectories() {
  static auto* const directories = new Directories;
  return *directories;
}

}  // namespace

Status AddOptions(const std::string& text, const std::string& origin, OptionTexts* options) {
  std::set<std::string> seen;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find(';', begin), text.size());
    const std::string item = text.substr(begin, end - begin);
    begin = end + 1;
    if (item.empty()) continue;
    const size_t colon = item.find(':');
    if (colon == std::string::npos) {
      return Status::Error(origin + " is '" + text +
                           "', expected options such as num_threads:2;log:info.");
    }
    const std::string key = item.substr(0, colon);
    if (!seen.insert(key).second) {
      return Status::Error(origin + " gives the delegate option '" + key + "' twice.");
    }
    (*options)[key] = item.substr(colon + 1);
  }
  return Status::Ok();
}

int ThreadsInToml(const std::string& toml) {
  static const std::string kKey = "num_threads";
  for (size_t at = toml.find(kKey); at != std::string::npos; at = toml.find(kKey, at + 1)) {
    if (at > 0 && toml[at - 1] != '\n') continue;
    size_t value = toml.find_first_not_of(' ', at + kKey.size());
    if (value == std::string::npos || toml[value] != '=') continue;
    value = toml.find_first_not_of(' ', value + 1);
    if (value == std::string::npos || !std::isdigit(static_cast<unsigned char>(toml[value]))) {
      continue;
    }
    return static_cast<int>(
        std::min<unsigned long>(std::strtoul(toml.c_str() + value, nullptr, 10), kMaxThreads));
  }
  return 0;
}

Status ParseOptionTexts(const OptionTexts& texts, DelegateOptions* options) {
  std::vector<const char*> keys, values;
  for (const auto& [key, value] : texts) {
    keys.push_back(key.c_str());
    values.push_back(value.c_str());
  }
  return ParseOptions(keys.data(), values.data(), keys.size(), options);
}

void SetDirectoryOptions(const std::string& directory, OptionTexts options) {
  Directories& directories = AllDirectories();
  std::lock_guard<ForkSafeMutex> lock(directories.mutex);
  if (options.empty()) {
    directories.options.erase(directory);
  } else {
    directories.options[directory] = std::move(options);
  }
}

OptionTexts DirectoryOptions(const std::string& directory) {
  Directories& directories = AllDirectories();
  std::lock_guard<ForkSafeMutex> lock(directories.mutex);
  const auto found = directories.options.find(directory);
  return found != directories.options.end() ? found->second : OptionTexts();
}

}  // namespace ubp
