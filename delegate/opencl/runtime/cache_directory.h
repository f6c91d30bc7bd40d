// SPDX-License-Identifier: Apache-2.0
// A directory of small files that save work from one process to the next: compiled programs, and what
// was measured on a device.
//
// An entry is a file of its own: a header with its key, its size and its checksum, then its
// bytes. It appears whole under its name, and is replaced, never changed; so any number of
// processes share a directory. What is damaged, cut short or of somebody else is as if it were not
// there, and made anew. POSIX.
#ifndef UBP_DELEGATE_OPENCL_RUNTIME_CACHE_DIRECTORY_H_
#define UBP_DELEGATE_OPENCL_RUNTIME_CACHE_DIRECTORY_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "delegate/base/status.h"

namespace ubp::opencl {

// What an entry is of: everything that it depends on, part by part; {"a", "bc"} is not {"ab", "c"}.
using CacheKey = std::vector<std::string>;

// Any thread.
class CacheDirectory {
 public:
  // Makes the directory where there is none. `owner`, what all entries depend on, the device and its
  // driver say, becomes a part of their names, so that Clear() finds them.
  static Status Open(const std::string& path, const CacheKey& owner,
                     std::unique_ptr<CacheDirectory>* cache);

  // Whether there is an entry; then its bytes.
  bool Find(const CacheKey& key, std::string* bytes);
  // Keeps it. Where that fails, TakeWarnings() says so, and nothing is kept from then on.
  void Put(const CacheKey& key, const std::string& bytes);
  // Removes all entries of the owner.
  void Clear();

  // Sentences for the user about what went wrong since the last call.
  std::vector<std::string> TakeWarnings();
  void Warn(const std::string& what);

  const std::string& path() const { return path_; }
  // What the names of all files of the owner begin with, the directory included.
  std::string prefix() const { return path_ + "/" + owner_ + "-"; }
  // The paths of the owner's files that have `part` in their names.
  std::vector<std::string> FilesWith(const std::string& part) const;

 private:
  CacheDirectory(std::string path, std::string owner)
      : path_(std::move(path)), owner_(std::move(owner)) {}

  // Removes what killed processes have left behind.
  void RemoveLeftovers();

  const std::string path_;
  const std::string owner_;
  std::mutex mutex_;
  bool given_up_ = false;  // both guarded by mutex_
  std::vector<std::string> warnings_;
};

}  // namespace ubp::opencl

#endif  // UBP_DELEGATE_OPENCL_RUNTIME_CACHE_DIRECTORY_H_
