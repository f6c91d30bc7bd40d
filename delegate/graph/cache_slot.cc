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

}  // namespace

CoverCounts CountCover(const float* weights, int channels, int64_t lanes, CacheSlot* slot) {
  if (slot->cache == nullptr) return CountCover(weights, channels, lanes);
  slot->fingerprint = FingerprintOfDense(weights, channels, lanes);
  const WeightKey key = {*slot->fingerprint, channels, static_cast<int32_t>(lanes),
                         static_cast<int32_t>(CachedContent::kCoverCounts), 0};
  const CachedBytes found = slot->cache->Find(key);
  CoverCounts counts;
  if (found.data != nullptr) {
    if (ReadCounts(found, channels * lanes, &counts)) return counts;
    slot->cache->Reject(key);
  }
  counts = CountCover(weights, channels, lanes);
  slot->cache->Add(key, {{counts.blocks.data(), sizeof(counts.blocks)}});
  return counts;
}

Fingerprint FingerprintOfDense(const float* weights, int channels, int64_t lanes) {
  return FingerprintOf(weights, sizeof(float) * channels * lanes, 0);
}

}  // namespace ubp
