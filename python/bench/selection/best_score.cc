// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include "python/bench/selection/peers.h"

namespace {

constexpr int64_t kImpossible = -(int64_t{1} << 60);

// row[m] = max(without[m], with[m - 1] + score)
void Update(const int64_t* without, const int64_t* with, int64_t score, int64_t num_blocks,
            int64_t* row) {
  row[0] = 0;
  for (int64_t m = 1; m <= num_blocks; ++m) {
    const int64_t taken = with[m - 1] + score;
    row[m] = without[m] > taken ? without[m] : taken;
  }
}

}  // namespace

int64_t ubp_best_score(const int32_t* elements, int64_t lanes, int64_t channels, int64_t block_size,
                       int64_t num_blocks) {
  // rows[i % (N + 1)][m]: the best of the first i elements with m blocks.
  std::vector<std::vector<int64_t>> rows(block_size + 1,
                                         std::vector<int64_t>(num_blocks + 1, kImpossible));
  for (std::vector<int64_t>& row : rows) row[0] = 0;
  for (int64_t i = 1; i <= lanes * channels; ++i) {
    const std::vector<int64_t>& before = rows[(i - 1) % (block_size + 1)];
    std::vector<int64_t>& row = rows[i % (block_size + 1)];
    if ((i - 1) % channels + 1 < block_size) {  // no block of this lane ends here
      row = before;
      continue;
    }
    const int64_t score = std::accumulate(elements + i - block_size, elements + i, int64_t{0});
    const std::vector<int64_t>& start = rows[(i - block_size) % (block_size + 1)];
    Update(before.data(), start.data(), score, std::min(num_blocks, i / block_size), row.data());
  }
  return rows[lanes * channels % (block_size + 1)][num_blocks];
}
