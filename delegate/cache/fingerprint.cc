// SPDX-License-Identifier: Apache-2.0
#include "delegate/cache/fingerprint.h"

#define XXH_INLINE_ALL  // no library to link
#include "xxhash.h"

namespace ubp {

Fingerprint FingerprintOf(const void* data, size_t size, uint64_t seed) {
  const XXH128_hash_t hash = XXH3_128bits_withSeed(data, size, seed);
  return {hash.low64, hash.high64};
}

uint64_t ChecksumOf(const void* data, size_t size) { return XXH3_64bits(data, size); }

}  // namespace ubp
