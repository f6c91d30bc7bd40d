// SPDX-License-Identifier: Apache-2.0
#include "delegate/cache/weight_cache.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <utility>

namespace ubp {
namespace {

class OpenFile {
 public:
  // O_NONBLOCK: opening a pipe does not wait for who writes into it.
  explicit OpenFile(const std::string& path)
      : descriptor_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  ~OpenFile() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  bool ok() const { return descriptor_ >= 0; }
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

bool IsWeightCache(int descriptor, struct stat* status) {
  uint8_t magic[kWeightFileMagicBytes];
  return fstat(descriptor, status) == 0 && S_ISREG(status->st_mode) &&
         pread(descriptor, magic, sizeof(magic), 0) == static_cast<ssize_t>(sizeof(magic)) &&
         HasWeightFileMagic(magic, sizeof(magic));
}

// Where `path` leads, so that links are not replaced by what they lead to.
std::string WithoutLinks(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> target(realpath(path.c_str(), nullptr), &std::free);
  return target != nullptr ? target.get() : path;
}

// There is nothing of that name, or a weight cache.
bool IsReplaceable(const std::string& path) {
  const OpenFile file(path);
  struct stat status;
  return file.ok() ? IsWeightCache(file.descriptor(), &status) : errno == ENOENT;
}

Status CannotBeMapped() {
  return Status::Error(std::string("cannot be mapped: ") + std::strerror(errno) + ".");
}

}  // namespace

Status WeightCache::Open(const std::string& path, std::unique_ptr<WeightCache>* cache) {
  std::unique_ptr<WeightCache> made(new WeightCache(path));
  UBP_RETURN_IF_ERROR(made->Read());
  *cache = std::move(made);
  return Status::Ok();
}

Status WeightCache::Read() {
  const OpenFile file(path_);
  if (!file.ok()) {
    if (errno != ENOENT) {
      GiveUp(Status::Error(std::string("cannot be read: ") + std::strerror(errno) + "."));
    }
    return Status::Ok();
  }
  struct stat status;
  if (!IsWeightCache(file.descriptor(), &status)) {
    return Status::Error("the delegate option 'weight_cache' is '" + path_ +
                         "', which exists and is not a weight cache; choose another name, or "
                         "remove it.");
  }
  mode_ = status.st_mode & 0777;
  ReadItems(file.descriptor(), static_cast<size_t>(status.st_size));
  return Status::Ok();
}

void WeightCache::ReadItems(int descriptor, size_t size) {
  const std::shared_ptr<const MappedFile> mapped = MappedFile::Map(descriptor, 0, size);
  if (mapped == nullptr) {
    GiveUp(CannotBeMapped());
    return;
  }
  std::vector<WeightEntry> entries;
  const Status status = ReadWeightFile(mapped->data(), size, &entries);
  if (!status.ok()) {
    summary_.warnings.push_back("the weight cache '" + path_ + "' " + status.message() +
                                "; it is made anew.");
    return;
  }
  for (const WeightEntry& entry : entries) {
    Item item;
    item.bytes.data = {mapped, mapped->data() + entry.offset};  // keeps the whole mapping
    item.bytes.size = entry.size;
    item.checksum = entry.checksum;
    items_.emplace(entry.key, std::move(item));
  }
}

CachedBytes WeightCache::Find(const WeightKey& key) {
  const std::lock_guard<ForkSafeMutex> lock(mutex_);
  const auto found = items_.find(key);
  if (found == items_.end()) return {};
  Item& item = found->second;
  if (!item.verified && ChecksumOf(item.bytes.data.get(), item.bytes.size) != item.checksum) {
    Forget(key);
    return {};
  }
  item.verified = true;
  item.used = true;
  ++summary_.found;
  summary_.bytes += item.bytes.size;
  return item.bytes;
}

void WeightCache::Reject(const WeightKey& key) {
  const std::lock_guard<ForkSafeMutex> lock(mutex_);
  const auto found = items_.find(key);
  if (found == items_.end()) return;
  --summary_.found;
  summary_.bytes -= found->second.bytes.size;
  Forget(key);
}

CachedBytes WeightCache::Add(const WeightKey& key, const std::vector<Section>& sections) {
  const std::lock_guard<ForkSafeMutex> lock(mutex_);
  const auto found = items_.find(key);
  if (found != items_.end()) return found->second.bytes;  // added by another thread meanwhile
  if (given_up_) return {};
  LeaveFileToParent();
  Item item;
  const Status status = AddToNewFile(key, sections, &item);
  if (!status.ok()) {
    GiveUp(status);
    return {};
  }
  ++summary_.added;
  summary_.bytes += item.bytes.size;
  return items_.emplace(key, std::move(item)).first->second.bytes;
}

Status WeightCache::AddToNewFile(const WeightKey& key, const std::vector<Section>& sections,
                                 Item* item) {
  if (new_file_ == nullptr) {
    UBP_RETURN_IF_ERROR(NewFile::Create(WithoutLinks(path_), &new_file_));
    const WeightFileHeader header{};
    UBP_RETURN_IF_ERROR(new_file_->Append(&header, sizeof(header)));
  }
  WeightEntry entry;
  entry.key = key;
  entry.offset = new_file_->size();
  for (const Section& section : sections) {
    UBP_RETURN_IF_ERROR(new_file_->Append(section.data, section.size));
    UBP_RETURN_IF_ERROR(new_file_->Pad(kWeightFileAlignment));
  }
  entry.size = new_file_->size() - entry.offset;
  const auto mapped = MappedFile::Map(new_file_->descriptor(), entry.offset, entry.size);
  if (mapped == nullptr) {
    return CannotBeMapped();
  }
  entry.checksum = ChecksumOf(mapped->data(), entry.size);
  new_table_.push_back(entry);
  *item = {{{mapped, mapped->data()}, entry.size}, entry.checksum, true, true, true};
  return Status::Ok();
}

WeightCacheSummary WeightCache::Commit() {
  const std::lock_guard<ForkSafeMutex> lock(mutex_);
  if (damaged_ > 0) {
    summary_.warnings.push_back("the weight cache '" + path_ + "' is damaged (" +
                                std::to_string(damaged_) +
                                " of its entries are not what was written); they are made anew.");
    damaged_ = 0;
  }
  LeaveFileToParent();
  if (new_file_ != nullptr) {
    const Status status = WriteNewFile();
    if (!status.ok()) GiveUp(status);
    DropNewFile();
  }
  return std::exchange(summary_, WeightCacheSummary());
}

void WeightCache::LeaveFileToParent() {
  if (new_file_ != nullptr && !new_file_->is_own()) DropNewFile();
}

void WeightCache::DropNewFile() {
  new_file_ = nullptr;
  new_table_.clear();
  for (auto& [key, item] : items_) item.in_new_file = false;
}

Status WeightCache::WriteNewFile() {
  for (auto item = items_.begin(); item != items_.end();) {
    if (!item->second.used) {
      ++summary_.dropped;
      item = items_.erase(item);
      continue;
    }
    if (!item->second.in_new_file) {
      const CachedBytes& bytes = item->second.bytes;
      new_table_.push_back({item->first, new_file_->size(), bytes.size, item->second.checksum, 0});
      UBP_RETURN_IF_ERROR(new_file_->Append(bytes.data.get(), bytes.size));
      UBP_RETURN_IF_ERROR(new_file_->Pad(kWeightFileAlignment));
    }
    ++item;
  }
  const WeightFileHeader header = MakeWeightFileHeader(new_table_, new_file_->size());
  const size_t table_size = new_table_.size() * sizeof(WeightEntry);
  UBP_RETURN_IF_ERROR(new_file_->Append(new_table_.data(), table_size));
  UBP_RETURN_IF_ERROR(new_file_->Overwrite(0, &header, sizeof(header)));
  if (mode_) UBP_RETURN_IF_ERROR(new_file_->SetMode(*mode_));
  if (!IsReplaceable(path_)) {
    return Status::Error("is not written: a file of another kind has its name now.");
  }
  return new_file_->Publish();
}

void WeightCache::Forget(const WeightKey& key) {
  items_.erase(key);
  ++damaged_;
}

void WeightCache::GiveUp(const Status& status) {
  given_up_ = true;
  new_file_ = nullptr;
  new_table_.clear();
  summary_.warnings.push_back("the weight cache '" + path_ + "' " + status.message() +
                              " Weights are packed at every load.");
}

}  // namespace ubp
