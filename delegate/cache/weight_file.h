// SPDX-License-Identifier: Apache-2.0
// The file of a weight cache: entries of bytes, each with a key, and a table of them.
//
// Little-endian, as all processors that the delegate runs on. All offsets are from the file's begin
// and multiples of 64; gaps are zero.
//
//   header   WeightFileHeader
//   entries  bytes, in any order
//   table    WeightEntry[count], up to the file's end
//
// Nothing in a file is trusted: ReadWeightFile() refuses the first thing that is wrong. What it does
// not look at is the entries' bytes, which their checksums are for.
#ifndef UBP_DELEGATE_CACHE_WEIGHT_FILE_H_
#define UBP_DELEGATE_CACHE_WEIGHT_FILE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "delegate/base/status.h"
#include "delegate/cache/fingerprint.h"

namespace ubp {

inline constexpr char kWeightFileMagic[] = "UBP weight cache";
inline constexpr size_t kWeightFileMagicBytes = sizeof(kWeightFileMagic) - 1;
// To be raised whenever the file, what is in an entry (weights/cached_blocks.h), or the rule by which
// layers are covered (cover.h) changes.
inline constexpr uint32_t kWeightFileVersion = 1;
inline constexpr size_t kWeightFileAlignment = 64;

// What an entry holds, of which weights. Of the kernels only the block size counts, so that one file
// serves all instruction sets that share it. Plain data without padding: it is written as it is.
struct WeightKey {
  Fingerprint source;  // of the weights in the model
  int32_t out_channels = 0;
  int32_t lanes = 0;
  int32_t content = 0;     // a CachedContent
  int32_t block_size = 0;  // of the kernels; 0 where it makes no difference
};

bool operator<(const WeightKey& a, const WeightKey& b);

struct WeightEntry {
  WeightKey key;
  uint64_t offset = 0;
  uint64_t size = 0;  // bytes
  uint64_t checksum = 0;
  uint64_t reserved = 0;
};

struct WeightFileHeader {
  char magic[kWeightFileMagicBytes];
  uint32_t version;
  uint32_t count;      // of entries
  uint64_t file_size;  // bytes
  uint64_t table_offset;
  uint64_t table_checksum;
  uint64_t reserved;
  uint64_t header_checksum;  // of all bytes before it
};

// Whether these first bytes of a file say that it is a weight cache, of whatever version.
bool HasWeightFileMagic(const uint8_t* bytes, size_t size);

// The table of a whole file. Every entry lies between header and table. An error says what is wrong
// with the file, as the end of a sentence about it: "is of format version 2, ...".
Status ReadWeightFile(const uint8_t* bytes, size_t size, std::vector<WeightEntry>* entries);

// The header of a file that ends with the table at `table_offset`.
WeightFileHeader MakeWeightFileHeader(const std::vector<WeightEntry>& table, uint64_t table_offset);

}  // namespace ubp

#endif  // UBP_DELEGATE_CACHE_WEIGHT_FILE_H_
