// SPDX-License-Identifier: Apache-2.0
#include "python/ubp/selection/native/aligned.h"

#include <numeric>
#include <vector>

#include "python/ubp/selection/native/top.h"

namespace ubp {
namespace selection {

void SelectAligned(Problem* problem, int64_t num_blocks, const Blocks& blocks) {
  const Layer& layer = problem->layers().front();
  const int64_t n = layer.block_size, blocks_per_lane = layer.channels / n;
  std::vector<std::vector<int32_t>> elements(problem->pool().threads());
  for (std::vector<int32_t>& lane : elements) lane.resize(layer.channels);
  std::vector<int32_t> scores(layer.lanes * blocks_per_lane);
  problem->pool().Run(static_cast<int>(layer.lanes), [&](int lane, int thread) {
    int32_t* const row = elements[thread].data();
    layer.Quantise(problem->kernels(), lane, row);
    int32_t* const scores_of_lane = scores.data() + lane * blocks_per_lane;
    for (int64_t i = 0; i < blocks_per_lane; ++i) {
      scores_of_lane[i] = std::accumulate(row + i * n, row + (i + 1) * n, 0);
    }
  });
  auto [threshold, ties] = FindThreshold(scores, num_blocks);
  int64_t index = 0;
  for (int64_t lane = 0, i = 0; lane < layer.lanes; ++lane) {
    for (int64_t start = 0; start + n <= layer.channels; start += n, ++i) {
      if (scores[i] > threshold || (scores[i] == threshold && ties-- > 0)) {
        blocks.Put(index++, lane, start);
      }
    }
  }
}

}  // namespace selection
}  // namespace ubp
