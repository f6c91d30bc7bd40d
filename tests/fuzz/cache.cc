// SPDX-License-Identifier: Apache-2.0
// The weight cache. The first byte chooses what the others are:
//   - a file, which is read, opened as a cache, and used as the input goes on to say;
//   - an entry of a cache for a layer of this file's, which may hold anything and has the right checksum.

#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "delegate/cache/weight_cache.h"
#include "delegate/cache/weight_file.h"
#include "delegate/weights/weights.h"
#include "tests/cpp/temporary_directory.h"
#include "tests/fuzz/fuzz.h"

namespace ubp {
namespace {

using Bytes = std::vector<uint8_t>;

const TemporaryDirectory& Directory() {
  static const TemporaryDirectory directory;
  return directory;
}
constexpr char kName[] = "m.cache";
constexpr char kNoCache[] = "a file of somebody else";

// What the bytes of a file are given, so that they get past one check after the other.
enum Repairs { kMagic = 1, kSizes = 2, kTableChecksum = 4, kEntryChecksums = 8 };

WeightEntry EntryAt(const Bytes& file, uint64_t at) {
  WeightEntry entry;
  std::memcpy(&entry, file.data() + at, sizeof(entry));
  return entry;
}

void RepairEntries(uint64_t table_offset, Bytes* file) {
  for (uint64_t at = table_offset; at + sizeof(WeightEntry) <= file->size();
       at += sizeof(WeightEntry)) {
    WeightEntry entry = EntryAt(*file, at);
    if (entry.offset > table_offset || entry.size > table_offset - entry.offset) continue;
    entry.checksum = ChecksumOf(file->data() + entry.offset, entry.size);
    std::memcpy(file->data() + at, &entry, sizeof(entry));
  }
}

void Repair(int repairs, Bytes* file) {
  WeightFileHeader header;
  if (file->size() < sizeof(header)) return;
  std::memcpy(&header, file->data(), sizeof(header));
  if (repairs & kMagic) {
    std::memcpy(header.magic, kWeightFileMagic, kWeightFileMagicBytes);
    header.version = kWeightFileVersion;
  }
  if (repairs & kSizes) {
    file->resize(file->size() - file->size() % kWeightFileAlignment);
    header.file_size = file->size();
    header.count %= 4;
    header.table_offset = file->size() - header.count * sizeof(WeightEntry);
  }
  const bool table = header.table_offset <= file->size();
  if (table && (repairs & kEntryChecksums)) RepairEntries(header.table_offset, file);
  if (table && (repairs & kTableChecksum)) {
    header.table_checksum =
        ChecksumOf(file->data() + header.table_offset, file->size() - header.table_offset);
    header.header_checksum = ChecksumOf(&header, offsetof(WeightFileHeader, header_checksum));
  }
  std::memcpy(file->data(), &header, sizeof(header));
}

// Reads it as ReadWeightFile() should, and holds the two against each other: whatever is accepted lies within the file.
std::vector<WeightEntry> RequireTable(const Bytes& file) {
  std::vector<WeightEntry> entries;
  const Status status = ReadWeightFile(file.data(), file.size(), &entries);
  if (!status.ok()) {
    UBP_REQUIRE(status.message().rfind("is ", 0) == 0);
    return {};
  }
  WeightFileHeader header;
  UBP_REQUIRE(file.size() >= sizeof(header));
  std::memcpy(&header, file.data(), sizeof(header));
  UBP_REQUIRE(entries.size() == header.count);
  UBP_REQUIRE(header.table_offset + entries.size() * sizeof(WeightEntry) == file.size());
  for (const WeightEntry& entry : entries) {
    UBP_REQUIRE(entry.offset % 64 == 0 && entry.offset >= sizeof(header));
    UBP_REQUIRE(entry.offset <= header.table_offset &&
                entry.size <= header.table_offset - entry.offset);
  }
  return entries;
}

std::unique_ptr<WeightCache> Open() {
  std::unique_ptr<WeightCache> cache;
  const Status status = WeightCache::Open(Directory().File(kName), &cache);
  UBP_REQUIRE(status.ok() == (cache != nullptr));
  return cache;
}

Bytes CopyOf(const CachedBytes& bytes) {
  return Bytes(bytes.data.get(), bytes.data.get() + bytes.size);
}

// An entry that the file may have as well.
WeightKey SomeKey(int number) {
  WeightKey key;
  key.source.low = static_cast<uint64_t>(number);
  return key;
}

// Looks for what the file has, gives up or adds entries, and writes the cache; says what should be in it then.
std::map<WeightKey, Bytes> Use(const std::vector<WeightEntry>& entries, FuzzInput* script,
                               WeightCache* cache) {
  std::map<WeightKey, Bytes> expected;
  bool added = false;
  for (const WeightEntry& entry : entries) {
    const int use = script->Below(4);
    const CachedBytes found = use == 1 ? CachedBytes() : cache->Find(entry.key);
    if (found.data == nullptr) continue;
    expected[entry.key] = CopyOf(found);
    if (use != 0) continue;
    cache->Reject(entry.key);
    UBP_REQUIRE(cache->Find(entry.key).data == nullptr);
    expected.erase(entry.key);
  }
  for (int i = script->Below(4); i > 0; --i) {
    const WeightKey key = SomeKey(i);
    if (const CachedBytes found = cache->Find(key); found.data != nullptr) {
      expected[key] = CopyOf(found);
      continue;
    }
    const Bytes content(1 + script->Take<uint8_t>(), static_cast<uint8_t>(i));
    const CachedBytes made = cache->Add(key, {{content.data(), content.size()}});
    UBP_REQUIRE(made.data != nullptr && made.size == (content.size() + 63) / 64 * 64);
    UBP_REQUIRE(std::equal(content.begin(), content.end(), made.data.get()));
    expected[key] = CopyOf(made);
    added = true;
  }
  const bool replaced = script->Below(8) == 1;
  if (replaced) {
    std::filesystem::remove(Directory().File(kName));
    Directory().Write(kName, kNoCache);
  }
  const WeightCacheSummary summary = cache->Commit();
  UBP_REQUIRE(summary.found <= entries.size() + 3);
  if (replaced) UBP_REQUIRE(Directory().Read(kName) == kNoCache);
  if (!added || replaced) expected.clear();  // the file stays as it is
  return expected;
}

void RequireFile(const std::map<WeightKey, Bytes>& expected) {
  const std::string text = Directory().Read(kName);
  const std::vector<WeightEntry> entries = RequireTable(Bytes(text.begin(), text.end()));
  UBP_REQUIRE(entries.size() == expected.size());
  const std::unique_ptr<WeightCache> cache = Open();
  for (const auto& [key, bytes] : expected) {
    const CachedBytes found = cache->Find(key);
    UBP_REQUIRE(found.data != nullptr && CopyOf(found) == bytes);
  }
  UBP_REQUIRE(cache->Commit().warnings.empty());
}

void UseFile(FuzzInput* input) {
  const int repairs = input->Take<uint8_t>();
  Bytes script = input->Bytes(8);
  Bytes file = input->Rest();
  Repair(repairs, &file);
  const std::vector<WeightEntry> entries = RequireTable(file);
  Directory().Write(kName, std::string(file.begin(), file.end()));
  const std::unique_ptr<WeightCache> cache = Open();
  UBP_REQUIRE((cache != nullptr) == HasWeightFileMagic(file.data(), file.size()));
  if (cache == nullptr) return;
  FuzzInput rest(script.data(), script.size());
  const std::map<WeightKey, Bytes> expected = Use(entries, &rest, cache.get());
  if (!expected.empty()) RequireFile(expected);
}

// What is accepted as a layer's blocks is safe to run.
void RequireSafe(const KernelWeights& weights, int channels, int lanes) {
  UBP_REQUIRE(weights.counts.size() == static_cast<size_t>(channels));
  int64_t sum = 0;
  for (int c = 0; c < channels; ++c) {
    UBP_REQUIRE(weights.counts[c] >= 0 &&
                (weights.counts[c] == 0 || c + weights.block_size <= channels));
    UBP_REQUIRE(weights.first_block[c] == sum);
    sum += weights.counts[c];
  }
  UBP_REQUIRE(static_cast<uint64_t>(sum) == weights.lanes.size());
  weights.lanes.ForEach([&](int32_t lane) { UBP_REQUIRE(lane >= 0 && lane < lanes); });
  float read = 0;
  for (int64_t i = 0; i < sum * weights.block_size + kValuesBeyond; ++i) read += weights.values[i];
  UBP_REQUIRE(read == read || std::isnan(read));
}

void UseEntry(FuzzInput* input) {
  LayerWeights layer;
  layer.attributes.in_channels = input->Between(1, 6);
  layer.attributes.out_channels = input->Between(1, 24);
  const int channels = layer.attributes.out_channels;
  const int lanes = layer.attributes.lanes();
  const int block_size = 1 << input->Below(5);
  const bool is_counts = input->Flag();
  const bool padded = input->Flag();
  const std::vector<float> weights(static_cast<size_t>(channels) * lanes, 1.0f);
  layer.dense.weights = weights.data();
  std::filesystem::remove(Directory().File(kName));
  const std::unique_ptr<WeightCache> cache = Open();
  layer.slot.cache = cache.get();
  const WeightKey key = {
      FingerprintOfDense(weights.data(), channels, lanes), channels, lanes,
      static_cast<int32_t>(is_counts ? CachedContent::kCoverCounts : CachedContent::kBlocksOfDense),
      is_counts ? 0 : block_size};
  Bytes content = input->Rest();
  if (content.empty()) return;
  // Room for the values, which are last and may be anything.
  if (padded)
    content.resize(content.size() +
                   sizeof(float) * block_size * static_cast<size_t>(channels) * lanes);
  cache->Add(key, {{content.data(), content.size()}});
  if (is_counts) {
    const CoverCounts counts = CountCover(weights.data(), channels, lanes, &layer.slot);
    for (const int64_t blocks : counts.blocks)
      UBP_REQUIRE(blocks >= 0 && blocks <= int64_t{channels} * lanes);
  } else if (block_size <= channels) {
    KernelWeights weights;
    UBP_REQUIRE(MakeKernelWeights(layer, block_size, &weights).ok());
    RequireSafe(weights, channels, lanes);
  }
}

}  // namespace
}  // namespace ubp

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ubp::FuzzInput input(data, size);
  if (input.Flag()) {
    ubp::UseEntry(&input);
  } else {
    ubp::UseFile(&input);
  }
  return 0;
}
