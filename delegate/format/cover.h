// SPDX-License-Identifier: Apache-2.0
// Cover: the fewest blocks of N consecutive channels that contain all non-zeros of a dense layer.
//
// Each lane is walked from its first channel on, and a block begins at the first non-zero that no
// block contains yet: a block that contains it cannot reach further to the right, so no cover is
// smaller. One that would cross the last channel is shifted left, where it may overlap the one
// before it. python/ubp/conversion/cover.py is the same rule for models that are converted.
//
// weights: [channels, lanes] float32, row-major, as TFLite has them. NaN is a non-zero, -0 a zero.
// Pure functions on memory that the caller owns.
#ifndef UBP_DELEGATE_FORMAT_COVER_H_
#define UBP_DELEGATE_FORMAT_COVER_H_

#include <array>
#include <cstdint>
#include <vector>

#include "delegate/format/constants.h"

namespace ubp {

// The block sizes of the packed format, all of which every instruction set can run.
using constants::kBlockSizes;

struct Cover {
  std::vector<int32_t> counts;  // [channels] blocks that start at each
  std::vector<int32_t> lanes;   // [blocks], sorted by (start, lane)
  // [counts[channels - N]]: where the blocks at the last start began before they were shifted. The
  // weights of the channels before that are zero or in another block.
  std::vector<int32_t> begun_at;
};

// `block_size` is a power of two up to `channels`.
Cover CoverLanes(const float* weights, int channels, int64_t lanes, int block_size);

struct CoverCounts {
  // The blocks of size kBlockSizes[i] that are needed; 0 where N > channels.
  std::array<int64_t, kBlockSizes.size()> blocks{};

  int64_t nonzeros() const { return blocks[0]; }
};

// Reads every weight once, in their order: about 0.7 ns each on x86-64.
CoverCounts CountCover(const float* weights, int channels, int64_t lanes);

// The share of zeros among some 4096 weights from all over the layer: all of a small layer's. Which
// ones depends on the layer's size alone.
double SampleZeros(const float* weights, int channels, int64_t lanes);

}  // namespace ubp

#endif  // UBP_DELEGATE_FORMAT_COVER_H_
