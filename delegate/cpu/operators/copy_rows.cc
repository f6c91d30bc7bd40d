// SPDX-License-Identifier: Apache-2.0
#include "delegate/cpu/operators/copy_rows.h"

#include <algorithm>
#include <cstring>

namespace ubp {
namespace {

constexpr int64_t kBytesPerJob = 65536;

}  // namespace

void RowCopy::Run(const void* from, void* to, ThreadPool* pool) const {
  const auto* const source = static_cast<const char*>(from);
  auto* const target = static_cast<char*>(to);
  // A long row makes several jobs; several short ones make one.
  const int64_t pieces = (length + kBytesPerJob - 1) / kBytesPerJob;
  const int64_t rows_per_job = std::max<int64_t>(1, kBytesPerJob / length);
  const int64_t jobs = (rows + rows_per_job - 1) / rows_per_job * pieces;
  pool->Run(static_cast<int>(jobs), [&](int job, int) {
    const int64_t first_row = job / pieces * rows_per_job;
    const int64_t begin = length * (job % pieces) / pieces;
    const int64_t end = length * (job % pieces + 1) / pieces;
    for (int64_t r = first_row; r < std::min(rows, first_row + rows_per_job); ++r) {
      std::memcpy(target + r * stride + begin, source + r * length + begin,
                  static_cast<size_t>(end - begin));
    }
  });
}

}  // namespace ubp
