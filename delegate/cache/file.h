// SPDX-License-Identifier: Apache-2.0
// Files as the weight cache needs them: read-only mappings, and new files that appear under their
// name once they are complete. POSIX.
#ifndef UBP_DELEGATE_CACHE_FILE_H_
#define UBP_DELEGATE_CACHE_FILE_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "delegate/base/fork.h"
#include "delegate/base/status.h"

namespace ubp {

// A part of a file in memory, which processes that map the same file share. It stays what it was
// when the file is renamed, replaced or removed; it does not when somebody writes into the file,
// and reading it is fatal (SIGBUS) when somebody cuts it short.
class MappedFile {
 public:
  // Bytes [offset, offset + size) of the open file; null where it cannot be mapped, with errno set.
  // `size` is above 0.
  static std::shared_ptr<const MappedFile> Map(int descriptor, uint64_t offset, size_t size);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const uint8_t* data() const { return pages_ + ahead_; }
  size_t size() const { return size_; }

 private:
  MappedFile(uint8_t* pages, size_t ahead, size_t size)
      : pages_(pages), ahead_(ahead), size_(size) {}

  uint8_t* pages_;
  size_t ahead_;  // bytes from the first page's begin to the part
  size_t size_;
};

// Written under a temporary name beside `path`; removed unless it is published. Errors are the end
// of a sentence about the file: "cannot be written: No space left on device." In a forked child it is
// still its parent's: to be destroyed, which does not remove it, and nothing else.
class NewFile {
 public:
  // The permissions are those of any new file (0666 less the umask).
  static Status Create(const std::string& path, std::unique_ptr<NewFile>* file);
  ~NewFile();
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  bool is_own() const { return made_at_ == ForkCount(); }
  int descriptor() const { return descriptor_; }
  uint64_t size() const { return size_; }

  // At the end.
  Status Append(const void* data, size_t size);
  // Zeros up to the next multiple of `unit`, a power of two.
  Status Pad(size_t unit);
  // Over what is there.
  Status Overwrite(uint64_t offset, const void* data, size_t size);
  // Sets the permissions.
  Status SetMode(mode_t mode);
  // Makes sure that the content is on the disk, and only then gives the file its name, in one step.
  // What has that name already is replaced; whoever has it open or mapped keeps it.
  Status Publish();

 private:
  NewFile(std::string path, std::string temporary, int descriptor)
      : path_(std::move(path)), temporary_(std::move(temporary)), descriptor_(descriptor) {}

  std::string path_;
  std::string temporary_;  // empty once published
  int descriptor_;
  uint64_t size_ = 0;
  const uint64_t made_at_ = ForkCount();
};

}  // namespace ubp

#endif  // UBP_DELEGATE_CACHE_FILE_H_
