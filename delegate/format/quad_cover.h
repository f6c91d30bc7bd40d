// SPDX-License-Identifier: Apache-2.0
// How many blocks cover the non-zeros of dense int8 weights: blocks of N consecutive output channels
// and a group, the 4 weights of a tap that meet 4 consecutive input channels. See cover.h; a group is
// covered where any of its weights is not zero.
#ifndef UBP_DELEGATE_FORMAT_QUAD_COVER_H_
#define UBP_DELEGATE_FORMAT_QUAD_COVER_H_

#include <array>
#include <cstdint>

namespace ubp {

// Of the blocks that int8 kernels run.
inline constexpr std::array<int, 4> kQuadBlockSizes = {1, 2, 4, 8};

struct QuadCoverCounts {
  int64_t zeros = 0;  // among the weights
  // The blocks of size kQuadBlockSizes[i] that are needed; as many as of the largest size that
  // there are channels for, where there are fewer.
  std::array<int64_t, kQuadBlockSizes.size()> blocks{};
};

// weights: [channels, taps, in_channels]. The last group of a tap may have fewer than 4 weights.
QuadCoverCounts CountQuadCover(const int8_t* weights, int channels, int64_t taps, int in_channels);

// The share of zeros among some 4096 weights from all over the layer.
double SampleZeros(const int8_t* weights, int64_t count);

}  // namespace ubp

#endif  // UBP_DELEGATE_FORMAT_QUAD_COVER_H_
