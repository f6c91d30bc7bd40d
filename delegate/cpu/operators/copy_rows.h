// SPDX-License-Identifier: Apache-2.0
// What a concatenation is in memory.
#ifndef UBP_DELEGATE_CPU_OPERATORS_COPY_ROWS_H_
#define UBP_DELEGATE_CPU_OPERATORS_COPY_ROWS_H_

#include <cstdint>

#include "delegate/base/thread_pool.h"

namespace ubp {

// `rows` rows of `length` bytes, contiguous at `from`, to rows `stride` bytes apart at `to`.
struct RowCopy {
  int64_t rows;
  int64_t length;
  int64_t stride;

  void Run(const void* from, void* to, ThreadPool* pool) const;
};

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_OPERATORS_COPY_ROWS_H_
