// SPDX-License-Identifier: Apache-2.0
#include "delegate/cache/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>
#include <vector>

namespace ubp {
namespace {

// Writes all of it, however many calls that takes.
bool WriteAll(int descriptor, const void* data, size_t size, uint64_t offset) {
  const auto* bytes = static_cast<const uint8_t*>(data);
  while (size > 0) {
    const ssize_t written = pwrite(descriptor, bytes, size, static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes += written;
    size -= static_cast<size_t>(written);
    offset += static_cast<uint64_t>(written);
  }
  return true;
}

// Says why, from errno.
Status CannotBeWritten() {
  return Status::Error(std::string("cannot be written: ") + std::strerror(errno) + ".");
}

}  // namespace

std::shared_ptr<const MappedFile> MappedFile::Map(int descriptor, uint64_t offset, size_t size) {
  const auto page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  const auto ahead = static_cast<size_t>(offset % page);
  void* const pages = mmap(nullptr, ahead + size, PROT_READ, MAP_SHARED, descriptor,
                           static_cast<off_t>(offset - ahead));
  if (pages == MAP_FAILED) return nullptr;
  return std::shared_ptr<const MappedFile>(
      new MappedFile(static_cast<uint8_t*>(pages), ahead, size));
}

MappedFile::~MappedFile() { munmap(pages_, ahead_ + size_); }

Status NewFile::Create(const std::string& path, std::unique_ptr<NewFile>* file) {
  // Other processes, and threads of this one, have names of their own; what a killed process of the
  // same number has left behind is passed over.
  static std::atomic<unsigned> counter{0};
  constexpr int kAttempts = 100;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const std::string temporary =
        path + ".tmp-" + std::to_string(getpid()) + "-" + std::to_string(counter++);
    const int descriptor =
        open(temporary.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, mode_t{0666});
    if (descriptor >= 0) {
      file->reset(new NewFile(path, temporary, descriptor));
      return Status::Ok();
    }
    if (errno != EEXIST) break;
  }
  return CannotBeWritten();
}

NewFile::~NewFile() {
  close(descriptor_);
  if (!temporary_.empty() && is_own()) unlink(temporary_.c_str());
}

Status NewFile::Append(const void* data, size_t size) {
  if (!WriteAll(descriptor_, data, size, size_)) return CannotBeWritten();
  size_ += size;
  return Status::Ok();
}

Status NewFile::Pad(size_t unit) {
  const std::vector<uint8_t> zeros(-size_ & (unit - 1));
  return Append(zeros.data(), zeros.size());
}

Status NewFile::Overwrite(uint64_t offset, const void* data, size_t size) {
  return WriteAll(descriptor_, data, size, offset) ? Status::Ok() : CannotBeWritten();
}

Status NewFile::SetMode(mode_t mode) {
  struct stat status;  // file systems without permissions refuse to change them
  if (fstat(descriptor_, &status) == 0 && (status.st_mode & 0777) == mode) return Status::Ok();
  return fchmod(descriptor_, mode) == 0 ? Status::Ok() : CannotBeWritten();
}

Status NewFile::Publish() {
  if (fsync(descriptor_) != 0 || std::rename(temporary_.c_str(), path_.c_str()) != 0) {
    return CannotBeWritten();
  }
  temporary_.clear();
  return Status::Ok();
}

}  // namespace ubp
