// SPDX-License-Identifier: Apache-2.0
#include "python/ubp/selection/native/blocks.h"

namespace ubp {
namespace selection {
namespace {

template <class T>
double Sum(const T* importance, const Layer& layer, const Blocks& blocks, int64_t count) {
  double total = 0, of_lane = 0;
  for (int64_t i = 0; i < count; ++i) {
    const T* const values = importance + blocks.lanes[i] * layer.channels + blocks.starts[i];
    double of_block = values[0];
    for (int64_t k = 1; k < layer.block_size; ++k) of_block += values[k];
    of_lane += of_block;
    if (i + 1 == count || blocks.lanes[i + 1] != blocks.lanes[i]) {
      total += of_lane;
      of_lane = 0;
    }
  }
  return total;
}

}  // namespace

double ImportanceOf(const Layer& layer, const Blocks& blocks, int64_t count) {
  return layer.is_double ? Sum(layer.DoubleLane(0), layer, blocks, count)
                         : Sum(layer.FloatLane(0), layer, blocks, count);
}

}  // namespace selection
}  // namespace ubp
