// SPDX-License-Identifier: Apache-2.0
#include "python/ubp/selection/native/top.h"

namespace ubp {
namespace selection {
namespace {

constexpr int kDigitBits = 11;
constexpr int kBins = 1 << kDigitBits;

}  // namespace

// The threshold's digits, the highest first: each from a histogram of the numbers that begin with
// the digits found so far.
Threshold FindThreshold(const std::vector<int32_t>& numbers, int64_t count) {
  uint32_t prefix = 0;
  for (int shift = 2 * kDigitBits; shift >= 0; shift -= kDigitBits) {
    std::vector<int64_t> histogram(kBins);
    const int prefix_shift = shift + kDigitBits;
    for (const int32_t number : numbers) {
      const uint64_t bits = static_cast<uint32_t>(number);
      if (bits >> prefix_shift == prefix) ++histogram[bits >> shift & (kBins - 1)];
    }
    int digit = kBins - 1;
    for (; histogram[digit] < count; --digit) count -= histogram[digit];
    prefix = prefix << kDigitBits | static_cast<uint32_t>(digit);
  }
  return {static_cast<int32_t>(prefix), count};
}

}  // namespace selection
}  // namespace ubp
