// SPDX-License-Identifier: Apache-2.0
// Rows of few floats, by fours: there is often less to do than a call of a library's function costs.
#ifndef UBP_DELEGATE_CPU_OPERATORS_SHORT_ROWS_H_
#define UBP_DELEGATE_CPU_OPERATORS_SHORT_ROWS_H_

#include <cstdint>
#include <cstring>

namespace ubp {

typedef float Float4 __attribute__((vector_size(16)));

inline void FillRow(float* to, int64_t count, float value) {
  const Float4 quad = {value, value, value, value};
  int64_t i = 0;
  for (; i + 4 <= count; i += 4) std::memcpy(to + i, &quad, sizeof(quad));
  for (; i < count; ++i) to[i] = value;
}

// No overlap.
inline void CopyRow(const float* from, int64_t count, float* to) {
  int64_t i = 0;
  for (; i + 4 <= count; i += 4) {
    Float4 quad;
    std::memcpy(&quad, from + i, sizeof(quad));
    std::memcpy(to + i, &quad, sizeof(quad));
  }
  for (; i < count; ++i) to[i] = from[i];
}

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_OPERATORS_SHORT_ROWS_H_
