// SPDX-License-Identifier: Apache-2.0
#include "delegate/graph/cache_slot.h"

#include <algorithm>
#include <cstring>

namespace ubp {
namespace {

// Whether the entry holds counts that a layer of so many weights can have.
bool ReadCounts(const CachedBytes& bytes, int64_t weights, CoverCounts* counts) {
  if (bytes.size < sizeof(counts->blocks)) return false;
  std::memcpy(counts->blocks.data(), bytes.data.get(), sizeof(counts->blocks));
  return std::all_of(counts->blocks.begin(), counts->blocks.end(),
                     [&](int64_t blocks) { return blocks >= 0 && blocks <= weights; });
}

CoverCounts CountGroups(const float* weights, int channels, int64_t lanes, int groups) {
  CoverCounts counts;
  const int per_group = channels / groups;
  for (int group = 0; group < groups; ++group) {
    const CoverCounts of_group = CountCover(weights + group * per_group * lanes, per_group, lanes);
    for (size_t i = 0; i < counts.blocks.size(); ++i) counts.blocks[i] += of_group.blocks[i];
  }
  return counts;
}

}  // namespace

CoverCounts CountCover(const float* weights, int channels, int64_t lanes, CacheSlot* slot,
                       int groups) {
  if (slot->cache == nullptr) return CountGroups(weights, channels, lanes, groups);
  slot->fingerprint = FingerprintOfDense(weights, channels, lanes);
  const WeightKey key = {*slot->fingerprint, channels, static_cast<int32_t>(lanes),
                         static_cast<int32_t>(CachedContent::kCoverCounts), 0};
  const CachedBytes found = slot->cache->Find(key);
  CoverCounts counts;
  if (found.data != nullptr) {
    if (ReadCounts(found, channels * lanes, &counts)) return counts;
    slot->cache->Reject(key);
  }
  counts = CountGroups(weights, channels, lanes, groups);
  slot->cache->Add(key, {{counts.blocks.data(), sizeof(counts.blocks)}});
  return counts;
}

Fingerprint FingerprintOfDense(const float* weights, int channels, int64_t lanes) {
  return FingerprintOf(weights, sizeof(float) * channels * lanes, 0);
}

}  // namespace ubp
