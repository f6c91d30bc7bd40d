// SPDX-License-Identifier: Apache-2.0
// Packed weights on disk, for the next load of the same model: the delegate option `weight_cache`.
//
// The cache knows keys and bytes, not what they mean (graph/cache_slot.h does). What it gives out
// is a read-only mapping of the file, whether it was found there or has just been added: clean pages
// that processes share and that the system can drop at any time.
//
// A cache can always be made anew. So a file that is damaged, of another format version or made for
// other weights is replaced when there is something to write; one that is no weight cache is never
// touched, and Open() fails. Where the system does not let it read or write, the cache says so once
// and keeps nothing.
//
// A file is replaced as a whole, in one step: processes that use one cache at the same time see
// either the old file or the new one, and the last to write wins. A child that is forked in the
// midst of loading leaves the new file to its parent, and makes one of its own.
//
// Thread-safe.
#ifndef UBP_DELEGATE_CACHE_WEIGHT_CACHE_H_
#define UBP_DELEGATE_CACHE_WEIGHT_CACHE_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "delegate/base/fork.h"
#include "delegate/base/status.h"
#include "delegate/cache/file.h"
#include "delegate/cache/weight_file.h"

namespace ubp {

// An entry in memory: zero-padded sections, each from a multiple of 64 bytes on. `data` keeps the
// memory alive, independently of the cache; null where there is no entry.
struct CachedBytes {
  std::shared_ptr<const uint8_t> data;
  size_t size = 0;
};

// What a cache has done since it was last asked.
struct WeightCacheSummary {
  size_t found = 0;    // entries asked for that were there
  size_t added = 0;    // entries asked for that were not, and are now
  size_t dropped = 0;  // entries that were there and nobody has asked for, where a file was written
  uint64_t bytes = 0;  // of the entries found and added
  std::vector<std::string> warnings;  // sentences for the user
};

class WeightCache {
 public:
  struct Section {
    const void* data;
    size_t size;  // bytes
  };

  // The file need not exist. Fails with a sentence where there is something of that name that is no
  // weight cache.
  static Status Open(const std::string& path, std::unique_ptr<WeightCache>* cache);

  // Nothing if there is no such entry, or it does not match its checksum.
  CachedBytes Find(const WeightKey& key);
  // Gives back the entry found for `key`, whose bytes cannot be what they should: it is forgotten.
  void Reject(const WeightKey& key);
  // Adds an entry that Find has not found. Nothing if it cannot be written; the caller then keeps
  // what it has. At least one section is not empty.
  CachedBytes Add(const WeightKey& key, const std::vector<Section>& sections);
  // Where entries were added, replaces the file by one of these and of those found since the cache
  // was opened.
  WeightCacheSummary Commit();

 private:
  struct Item {
    CachedBytes bytes;
    uint64_t checksum = 0;
    bool verified = false;  // the bytes match it
    bool used = false;
    bool in_new_file = false;
  };

  explicit WeightCache(std::string path) : path_(std::move(path)) {}

  // All but Open, Find, Reject, Add and Commit: with mutex_ held.
  void LeaveFileToParent();
  void DropNewFile();
  Status Read();
  void ReadItems(int descriptor, size_t size);
  Status AddToNewFile(const WeightKey& key, const std::vector<Section>& sections, Item* item);
  Status WriteNewFile();
  void Forget(const WeightKey& key);
  void GiveUp(const Status& status);

  const std::string path_;
  ForkSafeMutex mutex_;  // guards what follows
  std::map<WeightKey, Item> items_;
  std::optional<mode_t> mode_;         // permissions of the file that was read
  bool given_up_ = false;              // nothing is written any more
  std::unique_ptr<NewFile> new_file_;  // null: nothing was added yet
  std::vector<WeightEntry> new_table_;
  size_t damaged_ = 0;  // entries
  WeightCacheSummary summary_;
};

}  // namespace ubp

#endif  // UBP_DELEGATE_CACHE_WEIGHT_CACHE_H_
