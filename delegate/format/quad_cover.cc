// SPDX-License-Identifier: Apache-2.0
#include "delegate/format/quad_cover.h"

#include <algorithm>
#include <vector>

namespace ubp {
namespace {

constexpr int kQuad = 4;
constexpr int64_t kSamples = 4096;

}  // namespace

QuadCoverCounts CountQuadCover(const int8_t* weights, int channels, int64_t taps, int in_channels) {
  QuadCoverCounts counts;
  const int64_t quads = (in_channels + kQuad - 1) / kQuad;
  const int64_t groups = taps * quads;
  // Of each group, the channel behind the block that began last.
  std::array<std::vector<int>, kQuadBlockSizes.size()> covered;
  for (std::vector<int>& ends : covered) ends.assign(groups, 0);
  for (int c = 0; c < channels; ++c) {
    const int8_t* const of_channel = weights + c * taps * in_channels;
    for (int64_t group = 0; group < groups; ++group) {
      const int64_t first = group / quads * in_channels + group % quads * kQuad;
      const int64_t length = std::min<int64_t>(kQuad, in_channels - group % quads * kQuad);
      const auto zeros = std::count(of_channel + first, of_channel + first + length, 0);
      counts.zeros += zeros;
      if (zeros == length) continue;
      for (size_t i = 0; i < kQuadBlockSizes.size(); ++i) {
        if (c < covered[i][group]) continue;
        covered[i][group] = c + kQuadBlockSizes[i];
        ++counts.blocks[i];
      }
    }
  }
  return counts;
}

double SampleZeros(const int8_t* weights, int64_t count) {
  const int64_t samples = std::min(count, kSamples);
  int64_t zeros = 0;
  for (int64_t i = 0; i < samples; ++i) zeros += weights[count * i / samples] == 0 ? 1 : 0;
  return samples > 0 ? static_cast<double>(zeros) / static_cast<double>(samples) : 0.0;
}

}  // namespace ubp
