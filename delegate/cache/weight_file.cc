// SPDX-License-Identifier: Apache-2.0
#include "delegate/cache/weight_file.h"

#include <cstring>
#include <tuple>

namespace ubp {
namespace {

static_assert(sizeof(WeightKey) == 32 && sizeof(WeightEntry) == 64, "written as they are");
static_assert(sizeof(WeightFileHeader) == kWeightFileAlignment, "written as it is");
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "written as they are");

constexpr size_t kChecksummedHeaderBytes = offsetof(WeightFileHeader, header_checksum);

Status Damaged(const std::string& what) { return Status::Error("is damaged (" + what + ")"); }

// `size` is that of the file, at least a header's.
Status CheckHeader(const WeightFileHeader& header, size_t size) {
  if (header.version != kWeightFileVersion) {
    return Status::Error("is of format version " + std::to_string(header.version) +
                         ", this delegate's is " + std::to_string(kWeightFileVersion));
  }
  if (ChecksumOf(&header, kChecksummedHeaderBytes) != header.header_checksum) {
    return Damaged("the header does not match its checksum");
  }
  if (header.file_size != size) {
    return Damaged("it has " + std::to_string(size) + " bytes, expected " +
                   std::to_string(header.file_size));
  }
  const bool fits = header.table_offset >= sizeof(WeightFileHeader) && header.table_offset <= size;
  if (!fits || header.table_offset % kWeightFileAlignment != 0 ||
      (size - header.table_offset) / sizeof(WeightEntry) != header.count ||
      (size - header.table_offset) % sizeof(WeightEntry) != 0) {
    return Damaged("its table is not where the header says");
  }
  return Status::Ok();
}

}  // namespace

bool operator<(const WeightKey& a, const WeightKey& b) {
  const auto tie = [](const WeightKey& key) {
    return std::tie(key.source.low, key.source.high, key.out_channels, key.lanes, key.content,
                    key.block_size);
  };
  return tie(a) < tie(b);
}

bool HasWeightFileMagic(const uint8_t* bytes, size_t size) {
  return size >= kWeightFileMagicBytes &&
         std::memcmp(bytes, kWeightFileMagic, kWeightFileMagicBytes) == 0;
}

Status ReadWeightFile(const uint8_t* bytes, size_t size, std::vector<WeightEntry>* entries) {
  WeightFileHeader header;
  if (size < sizeof(header)) return Damaged("it ends within its header");
  std::memcpy(&header, bytes, sizeof(header));
  UBP_RETURN_IF_ERROR(CheckHeader(header, size));
  // Copied first, so that what is checked is what is used, whoever writes into the file.
  const size_t table_size = size - header.table_offset;
  entries->resize(header.count);
  if (table_size > 0) std::memcpy(entries->data(), bytes + header.table_offset, table_size);
  if (ChecksumOf(entries->data(), table_size) != header.table_checksum) {
    return Damaged("the table does not match its checksum");
  }
  for (const WeightEntry& entry : *entries) {
    const bool begins_inside = entry.offset >= sizeof(header) &&
                               entry.offset % kWeightFileAlignment == 0 &&
                               entry.offset <= header.table_offset;
    if (!begins_inside || entry.size > header.table_offset - entry.offset) {
      return Damaged("an entry is not between header and table");
    }
  }
  return Status::Ok();
}

WeightFileHeader MakeWeightFileHeader(const std::vector<WeightEntry>& table,
                                      uint64_t table_offset) {
  const size_t table_size = table.size() * sizeof(WeightEntry);
  WeightFileHeader header{};
  std::memcpy(header.magic, kWeightFileMagic, kWeightFileMagicBytes);
  header.version = kWeightFileVersion;
  header.count = static_cast<uint32_t>(table.size());
  header.file_size = table_offset + table_size;
  header.table_offset = table_offset;
  header.table_checksum = ChecksumOf(table.data(), table_size);
  header.header_checksum = ChecksumOf(&header, kChecksummedHeaderBytes);
  return header;
}

}  // namespace ubp
