// SPDX-License-Identifier: Apache-2.0
// A layer's place in a weight cache, and what is kept there: the counts of its covers, which decide
// whether its zeros pay, and its blocks (cached_blocks.h).
#ifndef UBP_DELEGATE_GRAPH_CACHE_SLOT_H_
#define UBP_DELEGATE_GRAPH_CACHE_SLOT_H_

#include <cstdint>
#include <optional>

#include "delegate/cache/fingerprint.h"
#include "delegate/cache/weight_cache.h"
#include "delegate/format/cover.h"

namespace ubp {

// Numbers as in the file.
enum class CachedContent : int32_t {
  kCoverCounts = 1,     // CoverCounts::blocks of a dense layer
  kBlocksOfDense = 2,   // that cover a dense layer
  kBlocksOfPacked = 3,  // of a converted layer that cannot be read where it lies
};

struct CacheSlot {
  WeightCache* cache = nullptr;            // null: nothing is kept
  std::optional<Fingerprint> fingerprint;  // of the weights in the model, once it is known
};

// CountCover(), from the cache where it has them. Sets the slot's fingerprint if there is a cache.
// `groups` as in DenseWeights.
CoverCounts CountCover(const float* weights, int channels, int64_t lanes, CacheSlot* slot,
                       int groups = 1);

// Of dense weights [channels, lanes].
Fingerprint FingerprintOfDense(const float* weights, int channels, int64_t lanes);

}  // namespace ubp

#endif  // UBP_DELEGATE_GRAPH_CACHE_SLOT_H_
