// SPDX-License-Identifier: Apache-2.0
#include "delegate/opencl/kernels/sparse_weights.h"

#include <cstddef>

namespace ubp::opencl {

std::vector<int32_t> CutRanges(const std::vector<int32_t>& first, int block_size, int count) {
  const int channels = static_cast<int>(first.size()) - 1;
  // What all start channels before `s` cost: their blocks, and a store each.
  const auto cost = [&](int s) { return int64_t{first[s]} + s; };
  std::vector<int32_t> cuts = {0};
  for (int s = block_size; s < channels; s += block_size) {
    const auto done = static_cast<int64_t>(cuts.size());
    if (done < count && cost(s) * count >= done * cost(channels)) cuts.push_back(s);
  }
  cuts.push_back(channels);
  return cuts;
}

std::vector<int32_t> FoursOf(const std::vector<int32_t>& first, const std::vector<int32_t>& offsets,
                             int32_t plane) {
  constexpr int kTogether = 4;
  for (const int32_t begin : first) {
    if (begin % kTogether != 0) return {};
  }
  std::vector<int32_t> fours;
  for (size_t block = 0; block < offsets.size(); block += kTogether) {
    for (int i = 1; i < kTogether; ++i) {
      if (int64_t{offsets[block + i]} != offsets[block] + int64_t{i} * plane) return {};
    }
    fours.push_back(offsets[block]);
  }
  return fours;
}

}  // namespace ubp::opencl
