// SPDX-License-Identifier: Apache-2.0
// Hashes of bytes: what the weight cache knows weights by, and finds damage with.
//
// XXH3, whose results are the same on every processor and in every release of xxHash from 0.8 on.
// Made against chance, not against malice: bytes of a given hash can be found on purpose. Pure
// functions.
#ifndef UBP_DELEGATE_CACHE_FINGERPRINT_H_
#define UBP_DELEGATE_CACHE_FINGERPRINT_H_

#include <cstddef>
#include <cstdint>

namespace ubp {

// 128 bits: different weights have different ones, for all purposes.
struct Fingerprint {
  uint64_t low = 0;
  uint64_t high = 0;
};

// Different seeds give different fingerprints of the same bytes. About 10 GB/s in a core's cache,
// so that reading weights from memory is what takes time.
Fingerprint FingerprintOf(const void* data, size_t size, uint64_t seed);

// 64 bits.
uint64_t ChecksumOf(const void* data, size_t size);

}  // namespace ubp

#endif  // UBP_DELEGATE_CACHE_FINGERPRINT_H_
