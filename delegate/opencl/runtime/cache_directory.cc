// SPDX-License-Identifier: Apache-2.0
#include "delegate/opencl/runtime/cache_directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <utility>

#include "delegate/cache/file.h"
#include "delegate/cache/fingerprint.h"

namespace ubp::opencl {
namespace {

constexpr char kSuffix[] = ".ubpgpu";
constexpr time_t kLeftoverSeconds = 3600;  // nobody writes a file for as long
constexpr uint64_t kMostBytes = uint64_t{1} << 30;

struct Header {
  char magic[8] = {'U', 'B', 'P', 'G', 'P', 'U', '0', '1'};
  Fingerprint key;
  uint64_t bytes = 0;
  uint64_t checksum = 0;         // of the bytes
  uint64_t header_checksum = 0;  // of all fields before
};
static_assert(sizeof(Header) == 48, "the fields of a cache entry have no gaps");

uint64_t ChecksumOf(const Header& header) {
  return ubp::ChecksumOf(&header, offsetof(Header, header_checksum));
}

Fingerprint FingerprintOf(const CacheKey& key) {
  std::string all;
  for (const std::string& part : key) all += std::to_string(part.size()) + ":" + part;
  return ubp::FingerprintOf(all.data(), all.size(), 0);
}

std::string Hex(uint64_t number) {
  char text[17];
  std::snprintf(text, sizeof(text), "%016llx", static_cast<unsigned long long>(number));
  return text;
}

std::string Hex(const Fingerprint& fingerprint) {
  return Hex(fingerprint.high) + Hex(fingerprint.low);
}

// False where it does not have as many.
bool ReadAll(int descriptor, void* data, size_t size) {
  auto* bytes = static_cast<char*>(data);
  while (size > 0) {
    const ssize_t got = read(descriptor, bytes, size);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    bytes += got;
    size -= static_cast<size_t>(got);
  }
  return true;
}

bool ReadEntry(int descriptor, const Fingerprint& key, std::string* bytes) {
  struct stat status;
  if (fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) return false;
  Header header;
  if (!ReadAll(descriptor, &header, sizeof(header))) return false;
  const bool is_ours = std::memcmp(header.magic, Header().magic, sizeof(header.magic)) == 0 &&
                       header.header_checksum == ChecksumOf(header) && header.key.low == key.low &&
                       header.key.high == key.high;
  if (!is_ours || header.bytes > kMostBytes ||
      header.bytes + sizeof(header) != static_cast<uint64_t>(status.st_size)) {
    return false;
  }
  std::string read(header.bytes, '\0');
  if (!ReadAll(descriptor, read.data(), read.size())) return false;
  if (ubp::ChecksumOf(read.data(), read.size()) != header.checksum) return false;
  *bytes = std::move(read);
  return true;
}

Status WriteEntry(const std::string& path, const Fingerprint& key, const std::string& bytes) {
  Header header;
  header.key = key;
  header.bytes = bytes.size();
  header.checksum = ubp::ChecksumOf(bytes.data(), bytes.size());
  header.header_checksum = ChecksumOf(header);
  std::unique_ptr<NewFile> file;
  UBP_RETURN_IF_ERROR(NewFile::Create(path, &file));
  UBP_RETURN_IF_ERROR(file->Append(&header, sizeof(header)));
  UBP_RETURN_IF_ERROR(file->Append(bytes.data(), bytes.size()));
  return file->Publish();
}

bool IsOld(const std::string& path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0 && status.st_mtime < time(nullptr) - kLeftoverSeconds;
}

}  // namespace

Status CacheDirectory::Open(const std::string& path, const CacheKey& owner,
                            std::unique_ptr<CacheDirectory>* cache) {
  struct stat status;
  const bool made = mkdir(path.c_str(), mode_t{0777}) == 0;
  const int error = errno;
  if (!made && (stat(path.c_str(), &status) != 0 || !S_ISDIR(status.st_mode))) {
    return Status::Error("the delegate option 'gpu_cache' is '" + path +
                         "', which is no directory and cannot be made one: " +
                         std::strerror(error) + "; choose another one.");
  }
  cache->reset(new CacheDirectory(path, Hex(FingerprintOf(owner).low)));
  (*cache)->RemoveLeftovers();
  return Status::Ok();
}

bool CacheDirectory::Find(const CacheKey& key, std::string* bytes) {
  const Fingerprint fingerprint = FingerprintOf(key);
  const std::string path = prefix() + Hex(fingerprint) + kSuffix;
  // O_NONBLOCK: opening a pipe does not wait for who writes into it.
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return false;
  const bool found = ReadEntry(descriptor, fingerprint, bytes);
  close(descriptor);
  if (!found) Warn("'" + path + "' is damaged or not an entry of this cache; it is made anew.");
  return found;
}

void CacheDirectory::Put(const CacheKey& key, const std::string& bytes) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (given_up_) return;
  }
  const Fingerprint fingerprint = FingerprintOf(key);
  const std::string path = prefix() + Hex(fingerprint) + kSuffix;
  const Status status = WriteEntry(path, fingerprint, bytes);
  if (status.ok()) return;
  Warn("'" + path + "' " + status.message());
  const std::lock_guard<std::mutex> lock(mutex_);
  given_up_ = true;
}

void CacheDirectory::Clear() {
  for (const std::string& path : FilesWith(kSuffix)) unlink(path.c_str());
}

void CacheDirectory::RemoveLeftovers() {
  for (const std::string& path : FilesWith(".tmp-")) {
    if (IsOld(path)) unlink(path.c_str());
  }
}

std::vector<std::string> CacheDirectory::FilesWith(const std::string& part) const {
  std::vector<std::string> paths;
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(path_.c_str()), &closedir);
  if (directory == nullptr) return paths;
  const std::string begin = owner_ + "-";
  while (const dirent* entry = readdir(directory.get())) {
    const std::string name = entry->d_name;
    if (name.rfind(begin, 0) != 0 || name.find(part) == std::string::npos) continue;
    paths.push_back(path_ + "/" + name);
  }
  return paths;
}

void CacheDirectory::Warn(const std::string& what) {
  const std::lock_guard<std::mutex> lock(mutex_);
  warnings_.push_back("the GPU cache '" + path_ + "': " + what);
}

std::vector<std::string> CacheDirectory::TakeWarnings() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return std::exchange(warnings_, {});
}

}  // namespace ubp::opencl
