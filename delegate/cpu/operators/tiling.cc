// SPDX-License-Identifier: Apache-2.0
#include "delegate/cpu/operators/tiling.h"

#include <algorithm>

namespace ubp {

std::vector<Tile> DividePixels(int pixels, int vector_width, int max_vectors) {
  const int vectors = (pixels + vector_width - 1) / vector_width;
  const int count = (vectors + max_vectors - 1) / max_vectors;
  std::vector<Tile> tiles;
  int first_vector = 0;
  for (int i = 0; i < count; ++i) {
    const int end_vector = static_cast<int>(int64_t{vectors} * (i + 1) / count);
    const int first = first_vector * vector_width;
    tiles.push_back(
        {first, end_vector - first_vector, std::min(pixels, end_vector * vector_width) - first});
    first_vector = end_vector;
  }
  return tiles;
}

std::vector<int> DivideChannels(const std::vector<int32_t>& counts, int block_size, int ranges) {
  const int channels = static_cast<int>(counts.size());
  int64_t total = channels;  // a channel costs something even without blocks: its store
  for (const int32_t count : counts) total += count;
  std::vector<int> bounds = {0};
  int64_t done = 0;
  for (int c = 0; c < channels; ++c) {
    const auto next = static_cast<int64_t>(bounds.size());
    const bool due = done * ranges >= total * next;
    if (due && next < ranges && c % block_size == 0 && c > bounds.back()) bounds.push_back(c);
    done += counts[c] + 1;
  }
  bounds.push_back(channels);
  return bounds;
}

}  // namespace ubp
