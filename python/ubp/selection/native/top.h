// SPDX-License-Identifier: Apache-2.0
// The m largest of many numbers, ties resolved in favour of the first ones.
#ifndef UBP_SELECTION_NATIVE_TOP_H_
#define UBP_SELECTION_NATIVE_TOP_H_

#include <cstdint>
#include <vector>

namespace ubp {
namespace selection {

// The `count` largest numbers are those above `value`, and the first `ties` that equal it.
struct Threshold {
  int32_t value;
  int64_t ties;
};

// numbers are >= 0, and at least `count` of them; 1 <= count.
Threshold FindThreshold(const std::vector<int32_t>& numbers, int64_t count);

}  // namespace selection
}  // namespace ubp

#endif  // UBP_SELECTION_NATIVE_TOP_H_
